//! The hashes that the page's links give to what they load.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha384};

/// Drops the hash of each preloaded file that the page itself will fetch, the WebAssembly: no browser
/// checks it there, and Chromium warns of it at every start. Those of the script and the style stay.
pub(crate) fn without_false_promises(page: &str) -> String {
    let mut kept = String::with_capacity(page.len());
    for tag in page.split_inclusive('>') {
        let attribute = tag
            .contains("as=\"fetch\"")
            .then(|| tag.find(INTEGRITY))
            .flatten();
        let end = attribute.and_then(|start| tag[start + INTEGRITY.len()..].find('"'));
        match (attribute, end) {
            (Some(start), Some(length)) => {
                kept.push_str(&tag[..start]);
                kept.push_str(&tag[start + INTEGRITY.len() + length + 1..]);
            }
            _ => kept.push_str(tag),
        }
    }
    kept
}

/// Gives the links to a file whose content was `old` the hash of what is `new`.
///
/// # Errors
///
/// When the page has no such hash.
pub(crate) fn renewed(page: &str, old: &str, new: &str) -> Result<String, String> {
    let hash = |content: &str| BASE64_STANDARD.encode(Sha384::digest(content));
    let renewed = page.replace(&hash(old), &hash(new));
    if renewed == page {
        return Err("no link has the hash of what was shortened".to_owned());
    }
    Ok(renewed)
}

/// What tells these contents from others, to be a part of a file's name.
pub(crate) fn name_of(contents: &[&[u8]]) -> String {
    let mut hash = Sha384::new();
    for content in contents {
        hash.update(content);
    }
    let hash = hash.finalize();
    let first = hash.first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(first))
}

const INTEGRITY: &str = " integrity=\"";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_page_fetches_itself_loses_its_hash() {
        let page = "<link rel=\"modulepreload\" href=\"a.js\" integrity=\"sha384-a\">\
                    <link rel=\"preload\" href=\"a.wasm\" integrity=\"sha384-b\" as=\"fetch\"></head>";

        assert_eq!(
            without_false_promises(page),
            page.replace(" integrity=\"sha384-b\"", "")
        );
    }
}
