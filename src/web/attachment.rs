//! A file that is sent as one message: chosen, or dropped on the message field, or pasted into it.

use heartwire::core::outbox::MAX_BYTES;
use js_sys::Uint8Array;
use js_sys::futures::spawn_local;
use wasm_bindgen::JsCast as _;
use web_sys::{ClipboardEvent, DataTransfer, DragEvent, Event, HtmlInputElement};
use yew::{Callback, Html, NodeRef, html};

use crate::words::{Words, fill};

/// The field that holds the file. The browser alone owns what it holds.
#[derive(Default)]
pub(super) struct Attachment {
    field: NodeRef,
    is_being_read: bool,
}

/// Why no file is sent.
#[derive(Clone, Copy, Debug)]
pub(super) enum Failure {
    /// There is none.
    Missing,
    /// There are several.
    Many,
    /// It has so many bytes: more than an outbox keeps.
    TooLarge(u64),
    /// The browser cannot read it.
    Unreadable,
}

impl Attachment {
    /// Begins to read the file, unless that is under way; what it holds is told.
    ///
    /// # Errors
    ///
    /// Returns why it is not even read.
    pub(super) fn read(&mut self, told: Callback<Result<Vec<u8>, Failure>>) -> Result<(), Failure> {
        if self.is_being_read {
            return Ok(());
        }
        let field = self.field.cast::<HtmlInputElement>();
        let file = field.and_then(|field| field.files()?.get(0));
        let file = file.ok_or(Failure::Missing)?;
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a number of bytes"
        )]
        let size = file.size() as u64;
        if size > MAX_BYTES as u64 {
            return Err(Failure::TooLarge(size));
        }
        self.is_being_read = true;
        spawn_local(async move {
            let read = file.array_buffer().await;
            let bytes = read.map(|buffer| Uint8Array::new(&buffer).to_vec());
            told.emit(bytes.map_err(|_| Failure::Unreadable));
        });
        Ok(())
    }

    /// It was read.
    pub(super) fn end_reading(&mut self) {
        self.is_being_read = false;
    }

    /// Lets go of the file.
    pub(super) fn clear(&self) {
        if let Some(field) = self.field.cast::<HtmlInputElement>() {
            field.set_value("");
        }
    }

    /// Takes a file that is dropped, and tells so.
    pub(super) fn on_drop(&self, put: Callback<Result<(), Failure>>) -> Callback<DragEvent> {
        let field = self.field.clone();
        Callback::from(move |event: DragEvent| take(&event, event.data_transfer(), &field, &put))
    }

    /// Takes a file that is pasted, and tells so. What has a text, too, is pasted as that.
    pub(super) fn on_paste(&self, put: Callback<Result<(), Failure>>) -> Callback<Event> {
        let field = self.field.clone();
        Callback::from(move |event: Event| {
            let pasted = event.dyn_ref::<ClipboardEvent>();
            let pasted = pasted.and_then(ClipboardEvent::clipboard_data);
            let has_text =
                |data: &DataTransfer| data.get_data("text").is_ok_and(|text| !text.is_empty());
            take(&event, pasted.filter(|data| !has_text(data)), &field, &put);
        })
    }

    /// Draws it, where it is wanted. It is there from the start: a file may be dropped at any time.
    pub(super) fn view(
        &self,
        words: &'static Words,
        is_wanted: bool,
        onchange: Callback<Event>,
    ) -> Html {
        html! {
            <>
                if is_wanted {
                    <label for="message-file" ~textContent={words.file} />
                }
                <input
                    ref={&self.field}
                    id="message-file"
                    type="file"
                    hidden={!is_wanted}
                    aria-describedby="message-hint message-error"
                    {onchange}
                />
            </>
        }
    }
}

impl Failure {
    pub(super) fn text(self, words: &Words) -> String {
        match self {
            Self::Missing => words.file_missing.into(),
            Self::Many => words.files_many.into(),
            Self::TooLarge(size) => {
                let [size, most] = [size, MAX_BYTES as u64].map(|bytes| words.bytes.of(bytes));
                fill(words.file_too_large, &[("size", &size), ("most", &most)])
            }
            Self::Unreadable => words.file_unreadable.into(),
        }
    }
}

/// Lets files be dropped, where browsers would show them in the place of the page.
pub(super) fn allow_drop(event: &DragEvent) {
    let data = event.data_transfer();
    if data.is_some_and(|data| data.types().includes(&"Files".into(), 0)) {
        event.prevent_default();
    }
}

fn take(
    event: &Event,
    data: Option<DataTransfer>,
    field: &NodeRef,
    put: &Callback<Result<(), Failure>>,
) {
    let files = data.and_then(|data| data.files());
    let files = files.filter(|files| files.length() > 0);
    let (Some(files), Some(field)) = (files, field.cast::<HtmlInputElement>()) else {
        return;
    };
    event.prevent_default();
    put.emit(if files.length() == 1 {
        field.set_files(Some(&files));
        Ok(())
    } else {
        Err(Failure::Many)
    });
}
