//! The page in a browser: shows what its client tells, and asks it for what the user wants.

mod app;
mod attachment;
mod browser;
mod composer;
mod config_file;
mod dispatcher;
mod early;
mod frames;
mod last_message;
mod log;
mod model;
mod pulse;
mod saved_messages;
mod search;
mod settings_panel;
mod tab;
mod view;

pub use app::{App, Given, Props};
pub use config_file::Failure;
pub use early::Draft;

use std::{cell::RefCell, rc::Rc};

use js_sys::futures::spawn_local;

use crate::{config::Config, settings::Settings, words::Lang};

/// Draws the page for the document that it runs in: into its element `app`, with the settings that the
/// operator, the user and its address give. What the operator gives is waited for, but not for long.
pub fn start() {
    spawn_local(async {
        let mut given = Given {
            stored: browser::choices_of_tab(),
            query: browser::query(),
            history: browser::history().unwrap_or_default(),
            ..Given::default()
        };
        let mut complaints = Vec::new();
        let file = match config_file::get().await {
            Ok(file) => Some(file),
            Err(failure) => {
                given.failure = Some(failure);
                config_file::last()
            }
        };
        if let Some(file) = file {
            given.is_last_config = given.failure.is_some();
            (given.config, complaints) = Config::read(file);
        }
        let draft = early::draft().await;
        let mut kept = browser::outboxes();
        if kept.is_there() {
            let locks = kept.locks().await;
            kept.claim(&locks);
        }
        given.kept = Some(Rc::new(RefCell::new(kept)));
        let languages = browser::languages();
        let props = Props {
            page: browser::page(),
            settings: Settings::default(),
            given,
            complaints,
            draft,
            lang: Lang::preferred(languages.iter().map(String::as_str)),
        };
        yew::Renderer::<App>::with_root_and_props(browser::root(), props).render();
    });
}
