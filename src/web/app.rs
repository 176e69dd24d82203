//! The page's root component.

use std::{cell::RefCell, rc::Rc};

use heartwire::Kept;
use yew::{Component, Context, Html, Properties};

use super::{config_file::Failure, dispatcher::Dispatcher, early::Draft};
use crate::{
    address::Page,
    config::Config,
    history::History,
    settings::{Complaint, Settings},
    words::Lang,
};

/// The page: one connection, shown and used.
pub struct App {
    dispatcher: Rc<Dispatcher>,
}

/// What the page starts with.
#[derive(Clone, Debug, Properties)]
pub struct Props {
    /// The page's own address.
    pub page: Page,
    /// The settings that hold where nobody gives others.
    pub settings: Settings,
    /// What others give.
    #[prop_or_default]
    pub given: Given,
    /// What was wrong with what the operator gives.
    #[prop_or_default]
    pub complaints: Vec<Complaint>,
    /// What was typed before.
    #[prop_or_default]
    pub draft: Draft,
    /// The language, unless a setting names one.
    pub lang: Lang,
}

/// They are taken once, at the start: others change nothing, and comparing them would cost the page half a
/// kilobyte.
impl PartialEq for Props {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// What the operator, the user and a link give.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// What `config.json` says.
    pub config: Config,
    /// Why it is not read now, if it should be.
    pub failure: Option<Failure>,
    /// Whether it is what was said last instead.
    pub is_last_config: bool,
    /// What the user has chosen in this browser.
    pub stored: Vec<(String, String)>,
    /// What the page's address says.
    pub query: Vec<(String, String)>,
    /// Where this browser has connected to.
    pub history: History,
    /// What this tab has kept that waits for servers.
    pub kept: Option<Rc<RefCell<Kept>>>,
}

impl Component for App {
    /// The page is to be drawn.
    type Message = ();
    type Properties = Props;

    fn create(ctx: &Context<Self>) -> Self {
        let draw = ctx.link().callback(|()| ());
        Self {
            dispatcher: Dispatcher::start(ctx.props().clone(), draw),
        }
    }

    fn view(&self, _: &Context<Self>) -> Html {
        self.dispatcher.lend(|model| model.view())
    }

    fn rendered(&mut self, _: &Context<Self>, first_render: bool) {
        self.dispatcher.lend(|model| model.rendered(first_render));
    }
}
