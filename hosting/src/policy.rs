//! The page's content security policy.

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

/// Completes the policy in `page`: [`PLACE`] becomes the hashes of all inline scripts.
///
/// # Errors
///
/// When there is not one such place before the first script, or a script does not end.
pub(crate) fn complete(page: &str) -> Result<String, String> {
    // Trunk's server writes its own address into the script that reloads the page, which would
    // change that script's hash. What stands here instead means the same.
    let page = page
        .replace("'{{__TRUNK_ADDRESS__}}'", "window.location.host")
        .replace("{{__TRUNK_WS_BASE__}}", "/");
    let (before, after) = page
        .split_once(PLACE)
        .ok_or_else(|| format!("no policy has the place {PLACE}"))?;
    if !inline_scripts(before)?.is_empty() || after.contains(PLACE) {
        return Err(format!("{PLACE} must stand once, before every script"));
    }
    let hashes: Vec<_> = inline_scripts(after)?.into_iter().map(hash).collect();
    Ok(format!("{before}{}{after}", hashes.join(" ")))
}

/// Where the hashes belong in `index.html`. Without them no script runs: browsers know no such source.
const PLACE: &str = "{inline scripts}";

/// The source expression that allows `script`.
///
/// The hash is that of the text that the browser has, and reading HTML leaves no carriage return.
fn hash(script: &str) -> String {
    let text = script.replace("\r\n", "\n").replace('\r', "\n");
    let digest = Sha256::digest(text.as_bytes());
    format!("'sha256-{}'", BASE64_STANDARD.encode(digest))
}

/// The texts of the scripts in `html`; one with a `src` has none.
fn inline_scripts(html: &str) -> Result<Vec<&str>, String> {
    let mut scripts = Vec::new();
    let mut rest = html;
    while let Some(start) = find(rest, "<script") {
        // What looks like a script in a comment is none.
        if let Some(comment) = rest[..start].find("<!--") {
            let end = rest[comment..].find("-->");
            rest = &rest[comment + end.ok_or("a comment does not end")?..];
            continue;
        }
        let tag = &rest[start..];
        let text = &tag[tag_length(tag).ok_or("a <script> tag does not end")?..];
        let end = find(text, "</script").ok_or("a script does not end")?;
        if end > 0 {
            scripts.push(&text[..end]);
        }
        rest = &text[end..];
    }
    Ok(scripts)
}

/// The length of the tag that `html` begins with, in bytes.
fn tag_length(html: &str) -> Option<usize> {
    let mut quote = None;
    let end = html.bytes().position(|byte| {
        match quote {
            None if matches!(byte, b'"' | b'\'') => quote = Some(byte),
            Some(open) if open == byte => quote = None,
            _ => {}
        }
        quote.is_none() && byte == b'>'
    });
    end.map(|end| end + 1)
}

/// Finds an ASCII `name` in whatever case.
fn find(html: &str, name: &str) -> Option<usize> {
    let is_name = |window: &[u8]| window.eq_ignore_ascii_case(name.as_bytes());
    html.as_bytes().windows(name.len()).position(is_name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_inline_script_gets_its_hash() {
        let page = "<meta content=\"script-src 'self' {inline scripts};\">\
                    <script>alert(1)</script><SCRIPT src=\"a.js\"></SCRIPT>\
                    <!-- <script>none</script> --><script type=\"module\" a='>'>\nlet b;\n</script >";

        // `printf 'alert(1)' | openssl dgst -sha256 -binary | base64`, and the same of "\nlet b;\n".
        let policy = "script-src 'self' 'sha256-bhHHL3z2vDgxUt0W3dWQOrprscmda2Y5pLsLg4GF+pI=' \
                      'sha256-YSRsXaa2QhHwxOcNgVQcsCor5IEevw/u3bewYDa6RG4=';";
        assert_eq!(
            complete(page).unwrap(),
            page.replace("script-src 'self' {inline scripts};", policy)
        );
    }

    #[test]
    fn the_ends_of_lines_change_no_hash() {
        assert_eq!(hash("\r\na\r\nb\rc\n"), hash("\na\nb\nc\n"));
        assert_ne!(hash("a b"), hash("a\nb"));
    }

    #[test]
    fn the_server_of_trunk_finds_nothing_to_write_into_the_page() {
        let page = "{inline scripts}<script>const address = '{{__TRUNK_ADDRESS__}}';\
                    const base = '{{__TRUNK_WS_BASE__}}';</script>";

        let complete = complete(page).unwrap();

        assert!(!complete.contains("__TRUNK"), "{complete}");
        assert!(complete.contains("const base = '/';"), "{complete}");
    }

    #[test]
    fn a_page_whose_scripts_would_lack_their_hashes_is_refused() {
        for page in [
            "<script>a</script>",
            "<script>a</script>{inline scripts}<script>b</script>",
            "{inline scripts}<script>a</script>{inline scripts}",
            "{inline scripts}<script>a",
            "{inline scripts}<script a='>a</script>",
            "{inline scripts}<!-- <script>a</script>",
        ] {
            assert!(complete(page).is_err(), "{page}");
        }
    }
}
