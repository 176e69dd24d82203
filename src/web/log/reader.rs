//! Messages read aloud.

use std::rc::Rc;

use gloo_timers::callback::Timeout;

use super::{LogPanel, Msg};
use crate::words::{fill, shortened};

/// Reads messages aloud.
#[derive(Default)]
pub(super) struct Reader {
    /// The messages that came since the last text: how many, and the latest of them.
    unread: u64,
    pub(super) latest: Option<Rc<str>>,
    /// The text that is being read, and how many there have been, with it.
    pub(super) text: String,
    pub(super) count: u64,
    pub(super) pause: Option<Timeout>,
}

impl LogPanel {
    /// Reads aloud what came since the last text, if that was a while ago. To be called before each drawing and
    /// no sooner: of two texts between two drawings, the first is never read.
    pub(in crate::web) fn read_on(&mut self) {
        let Some(reader) = self.reader.as_mut().filter(|reader| reader.pause.is_none()) else {
            return;
        };
        let Some(latest) = reader.latest.take() else {
            return;
        };
        let latest = shortened(&self.words.line(&latest));
        reader.text = if reader.unread == 1 {
            latest
        } else {
            let number = reader.unread.to_string();
            fill(self.words.batch, &[("n", &number), ("text", &latest)])
        };
        reader.unread = 0;
        reader.count += 1;
        let emit = self.emit.clone();
        reader.pause = Some(Timeout::new(READING_MILLIS, move || emit.emit(Msg::ReadOn)));
    }

    /// A message came that is to be read aloud.
    pub(super) fn read(&mut self, text: impl FnOnce() -> Rc<str>) {
        let is_paused = self.log.is_paused();
        if let Some(reader) = self.reader.as_mut().filter(|_| !is_paused) {
            reader.unread += 1;
            reader.latest = Some(text());
        }
    }
}

/// The least time between two texts that are read aloud.
const READING_MILLIS: u32 = 2_000;
