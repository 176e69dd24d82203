//! The page's tab: what it tells while nobody looks at the page.

use super::{browser, view::PULSE};
use crate::{
    payload::excerpt,
    strip::{Strip, Tone},
};

/// What the tab shows.
#[derive(Default)]
pub(super) struct Tab {
    title: String,
    tone: Option<Tone>,
}

impl Tab {
    /// Tells the state by the title and the icon, if it is another one.
    pub(super) fn show(&mut self, strip: &Strip, host: Option<&str>) {
        let sign = strip.state.icon();
        let mut title = [sign, " ", &strip.headline].concat();
        if let Some(host) = host {
            title.extend([" – ", &excerpt(host)]);
        }
        let tone = Some(strip.state.tone());
        if title != self.title || tone != self.tone {
            browser::name_tab(&title, &icon(strip.state.tone()));
            *self = Self { title, tone };
        }
    }
}

/// The page's sign: its colour and its line tell the tone.
fn icon(tone: Tone) -> String {
    let (colour, line) = match tone {
        Tone::Well => ("0b6e63", PULSE),
        Tone::Busy => ("1a5fb4", "M5 17h2m9 0h2m9 0h-2"),
        Tone::Worried => ("8a5200", "M4 17h6l3-8m4 13 4-8 2 3h5"),
        Tone::Alarmed => ("b3261e", "M8 9l16 16m0-16L8 25"),
        Tone::Quiet => ("52666a", "M5 17h22"),
    };
    [
        "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'%3E%3Crect width='32' height='32' rx='7' fill='%23",
        colour,
        "'/%3E%3Cpath d='",
        line,
        "' fill='none' stroke='%23fff' stroke-width='3' stroke-linecap='round' stroke-linejoin='round'/%3E%3C/svg%3E",
    ]
    .concat()
}
