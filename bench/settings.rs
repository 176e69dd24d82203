//! What `settings.js` reads, for pages in Rust.

use std::time::Duration;

use web_sys::UrlSearchParams;

/// The query that a page was opened with.
pub(crate) struct Query(Option<UrlSearchParams>);

impl Query {
    pub(crate) fn read() -> Self {
        let search = web_sys::window().and_then(|window| window.location().search().ok());
        Self(UrlSearchParams::new_with_str(&search.unwrap_or_default()).ok())
    }

    pub(crate) fn text(&self, name: &str, otherwise: &str) -> String {
        let value = self.0.as_ref().and_then(|query| query.get(name));
        value.unwrap_or_else(|| otherwise.to_owned())
    }

    pub(crate) fn duration(&self, name: &str, otherwise: &str) -> Duration {
        let value = self.text(name, otherwise);
        duration(&value).unwrap_or_else(|| panic!("{name} \"{value}\" is not a duration"))
    }
}

fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = text.split_at(text.find(|c: char| !c.is_ascii_digit())?);
    let unit = match unit {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        _ => return None,
    };
    let millis = number.parse::<u64>().ok()?.checked_mul(unit)?;
    Some(Duration::from_millis(millis))
}
