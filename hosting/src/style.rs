//! The style sheet.

use std::fs;
use std::io;
use std::path::Path;

use crate::{integrity, remarks};

/// Leaves out of the style sheet in `folder` what only people read. Returns `page` with its new name,
/// which is made of its new content, and the hash of that.
///
/// # Errors
///
/// When there is no style sheet, or the page does not name it.
pub(crate) fn shorten(folder: &Path, page: &str) -> Result<String, String> {
    let unreadable = |cause: io::Error| cause.to_string();
    let old_name = name(page).ok_or("the page names no style sheet")?;
    let style = fs::read_to_string(folder.join(old_name)).map_err(unreadable)?;
    let short_style = remarks::without(&style);
    let new_name = format!(
        "style-{}.css",
        integrity::name_of(&[short_style.as_bytes()])
    );
    fs::remove_file(folder.join(old_name)).map_err(unreadable)?;
    fs::write(folder.join(&new_name), &short_style).map_err(unreadable)?;
    let renewed = integrity::renewed(page, &style, &short_style)?;
    Ok(renewed.replace(old_name, &new_name))
}

fn name(page: &str) -> Option<&str> {
    let (before, _) = page.split_once(".css\"")?;
    let start = before.rfind("style-")?;
    Some(&page[start..before.len() + ".css".len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_found_in_its_link() {
        let page = "<meta content=\"style-src 'self'\">\
                    <link rel=\"stylesheet\" href=\"./style-3fe6.css\" integrity=\"sha384-a\"/>";

        assert_eq!(name(page), Some("style-3fe6.css"));
        assert_eq!(name("<p>"), None);
    }
}
