//! The shell: owns the socket and the timers, performs effects and draws the page.

mod app;
mod browser;
mod clock;
mod composer;
mod log;
mod pulse;
mod socket;
mod tab;
mod timers;
mod view;

pub use app::{App, Props};

use crate::{settings::Settings, words::Lang};

/// Draws the page for the document that it runs in: into its `main` part, with the settings of its
/// address.
pub fn start() {
    let page = browser::page();
    let (settings, complaints) = Settings::read(browser::query(), &page);
    let languages = browser::languages();
    let lang = settings
        .lang
        .unwrap_or_else(|| Lang::preferred(languages.iter().map(String::as_str)));
    browser::name_language(lang);
    for complaint in &complaints {
        browser::warn("a setting", &lang.words().complaint(complaint).into());
    }
    let props = Props {
        page,
        settings,
        complaints,
        lang,
    };
    yew::Renderer::<App>::with_root_and_props(browser::root(), props).render();
}
