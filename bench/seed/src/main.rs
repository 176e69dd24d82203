//! The example `seed` as it is measured beside other pages.

#[path = "../../settings.rs"]
mod settings;

use heartwire::Options;
use settings::Query;

include!(concat!(env!("OUT_DIR"), "/seed.rs"));

thread_local! {
    static SETTINGS: (String, Options) = read();
}

fn url() -> String {
    SETTINGS.with(|(url, _)| url.clone())
}

fn options() -> Options {
    SETTINGS.with(|(_, options)| options.clone())
}

fn read() -> (String, Options) {
    let query = Query::read();
    let options = Options::new()
        .heartbeat(query.duration("heartbeat", "30s"))
        .retry_min(query.duration("retry_min", "1s"))
        .retry_max(query.duration("retry_max", "10s"))
        .prove_within(query.duration("prove_within", "5s"));
    (query.text("url", "ws://localhost:8080"), options)
}
