//! Those of `settings.js`, spelled as there.

use std::time::Duration;

use heartwire::Options;
use web_sys::UrlSearchParams;

pub(crate) fn url() -> String {
    SETTINGS.with(|settings| settings.url.clone())
}

pub(crate) fn options() -> Options {
    SETTINGS.with(|settings| settings.options.clone())
}

struct Settings {
    url: String,
    options: Options,
}

thread_local! {
    static SETTINGS: Settings = Settings::read();
}

impl Settings {
    fn read() -> Self {
        let search = web_sys::window().and_then(|window| window.location().search().ok());
        let query = UrlSearchParams::new_with_str(&search.unwrap_or_default()).ok();
        let value = |name| query.as_ref().and_then(|query| query.get(name));
        let time = |name, otherwise: &str| {
            let value = value(name).unwrap_or_else(|| otherwise.to_owned());
            duration(&value).unwrap_or_else(|| panic!("{name} \"{value}\" is not a duration"))
        };
        Self {
            url: value("url").unwrap_or_else(|| "ws://localhost:8080".to_owned()),
            options: Options::new()
                .heartbeat(time("heartbeat", "30s"))
                .retry_min(time("retry_min", "1s"))
                .retry_max(time("retry_max", "10s"))
                .prove_within(time("prove_within", "5s")),
        }
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
