//! The parts of the documents that a command writes.

use std::fs;
use std::path::PathBuf;

use crate::{Error, root};

/// The document in `docs` whose part of this `name` is `content`: where it is, and its text.
///
/// # Errors
///
/// When it cannot be read or has no place for it.
pub(crate) fn filled(
    document: &str,
    name: &str,
    content: &str,
) -> Result<(PathBuf, String), Error> {
    let path = root().join("docs").join(document);
    let failed = |cause| Error::Failed(format!("{} {cause}", path.display()));
    let text =
        fs::read_to_string(&path).map_err(|cause| failed(format!("cannot be read: {cause}")))?;
    let (opening, closing) = comments(name);
    let text = replaced(&text, name, content).ok_or_else(|| {
        failed(format!(
            "has no place for the {name}: it stands between the lines {opening} and {closing}"
        ))
    })?;
    Ok((path, text))
}

/// The text with `content` between the two comments of `name` in it.
fn replaced(text: &str, name: &str, content: &str) -> Option<String> {
    let (opening, closing) = comments(name);
    let (before, rest) = text.split_once(&opening)?;
    let (_, after) = rest.split_once(&closing)?;
    Some(format!("{before}{opening}\n{content}{closing}{after}"))
}

fn comments(name: &str) -> (String, String) {
    (format!("<!-- {name} -->"), format!("<!-- /{name} -->"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_between_the_comments_is_replaced() {
        let text = "before <!-- herd -->\nold\n<!-- /herd --> after";

        assert_eq!(
            replaced(text, "herd", "new\n").unwrap(),
            text.replace("old", "new")
        );
        assert_eq!(replaced(text, "flock", "new"), None);
    }
}
