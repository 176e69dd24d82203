//! Bytes, written as text and out of files, there and back.

use std::io::Write as _;
use std::path::Path;

use fantoccini::Locator;
use heartwire_page::words::Lang;
use serde_json::{Value, json};
use tempfile::NamedTempFile;
use tokio_tungstenite::tungstenite::Message;
use xtask::browser::Browser;

use super::axe::look_everywhere;
use super::server::{Manner, Server};
use super::visit::{ENTER, QUICK, TAB, Visit};
use super::{SOON, eventually};

#[tokio::test]
async fn a_file_of_1_mb_comes_back_byte_for_byte() {
    a_file_comes_back(Browser::Chromium).await;
}

#[tokio::test]
async fn a_file_of_1_mb_comes_back_byte_for_byte_in_firefox() {
    a_file_comes_back(Browser::Firefox).await;
}

async fn a_file_comes_back(browser: Browser) {
    let (server, visit) = open(browser).await;
    let bytes = all_values(1_000_000);
    let file = file_of(&bytes);
    visit.formats("file").await;
    visit.attaches(file.path()).await;

    visit.press("Send").await;

    assert!(server.receives_bytes(1).await == [bytes.clone()]);
    visit.shows("Binary, 1000000 bytes").await;
    // It is sent once.
    visit.press("Send").await;
    visit.declines("Not sent: no file is chosen.").await;
    visit.presses_row("got").await;
    visit.catches_files().await;
    visit.press("Save as file").await;
    let (name, saved) = visit.saved().await;
    assert!(saved == bytes, "{} bytes are saved", saved.len());
    let row = visit.opened_row().await;
    assert_eq!(name, format!("heartwire-{row}.bin"));
}

#[tokio::test]
async fn hex_and_base64_are_sent_as_bytes_and_not_as_they_are_typed() {
    let (server, visit) = open(Browser::Chromium).await;

    visit.formats("hex").await;
    visit.types("0x00, 0d0a FF").await;
    visit.types(ENTER).await;
    visit.shows("Binary, 4 bytes").await;
    visit.formats("Base64").await;
    visit.types("AA0K_w").await;
    visit.press("Send").await;
    server.receives_bytes(2).await;
    visit.types(ENTER).await;

    let sent = server.receives_bytes(3).await;
    assert_eq!(sent, [vec![0, 13, 10, 255], vec![0, 13, 10, 255], vec![]]);
    visit.shows("Binary, 0 bytes").await;
    assert_eq!(server.heard(), 0);
    // What is a text is live again.
    visit.formats("text").await;
    visit.types("x").await;
    server.receives(&["x"]).await;
    assert_eq!(server.binaries().len(), 3);
}

#[tokio::test]
async fn what_cannot_be_read_is_named_with_its_place_and_stays() {
    let (server, visit) = open(Browser::Chromium).await;
    let selected =
        "const { value, selectionStart, selectionEnd } = document.querySelector('#message');
        return [value, selectionStart, selectionEnd]";
    for (format, text, named, selection) in [
        ("hex", "00 😀", "“😀” in line 1, column 4", (3, 5)),
        ("hex", "00 4", "“4” in line 1, column 4", (3, 4)),
        ("Base64", "Zm9v!", "“!” in line 1, column 5", (4, 5)),
    ] {
        visit.formats(format).await;
        visit.puts("#message", text).await;
        visit.types(ENTER).await;
        visit.declines(named).await;
        let (start, end) = selection;
        assert_eq!(visit.evaluate(selected).await, json!([text, start, end]));
    }

    visit.puts("#message", "Zm9v").await;
    visit.declines("").await;
    visit.types(ENTER).await;

    assert_eq!(server.receives_bytes(1).await, [b"foo"]);
}

#[tokio::test]
async fn a_file_larger_than_what_is_kept_is_refused_before_it_is_read() {
    let (server, visit) = open(Browser::Chromium).await;
    let most = 1024 * 1024;
    let (large, largest, empty) = (
        file_of(&all_values(most + 1)),
        file_of(&all_values(most)),
        file_of(&[]),
    );
    let count = "const { arrayBuffer } = Blob.prototype;
        window.reads = 0;
        Blob.prototype.arrayBuffer = function () { window.reads += 1; return arrayBuffer.call(this); };";
    visit.evaluate(count).await;
    visit.formats("file").await;

    visit.attaches(large.path()).await;
    visit.press("Send").await;

    let refusal = "the file has 1048577 bytes, and 1048576 bytes are the most";
    visit.declines(refusal).await;
    assert_eq!(visit.evaluate("return window.reads").await, 0);
    visit.attaches(largest.path()).await;
    visit.declines("").await;
    visit.press("Send").await;
    server.receives_bytes(1).await;
    visit.shows("Binary, 1048576 bytes").await;
    visit.attaches(empty.path()).await;
    visit.press("Send").await;
    let sent = server.receives_bytes(2).await;
    assert_eq!((sent[0].len(), sent[1].len()), (most, 0));
}

#[tokio::test]
async fn a_file_is_dropped_or_pasted_and_sent_when_that_is_wanted() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let (server, visit) = open(browser).await;

        let brought = visit.brings("drop", &["a"], "").await;
        assert_eq!(brought, json!([true, true]), "{browser}");
        visit.has_format("file").await;
        assert!(server.binaries().is_empty());
        visit.press("Send").await;
        assert_eq!(server.receives_bytes(1).await, [b"a"]);

        visit.formats("text").await;
        let brought = visit.brings("paste", &["b"], "its text").await;
        assert_eq!(brought, json!([true, false]), "{browser}");
        visit.has_format("text").await;
        let brought = visit.brings("paste", &["b"], "").await;
        assert_eq!(brought, json!([true, true]), "{browser}");
        visit.has_format("file").await;
        // The field's own text is left alone.
        visit.types(ENTER).await;
        assert_eq!(server.receives_bytes(2).await, [b"a", b"b"]);

        visit.brings("drop", &["c", "d"], "").await;
        visit.declines("One file at a time.").await;
        assert_eq!(server.binaries().len(), 2);
    }
}

#[tokio::test]
async fn a_file_that_is_gone_is_no_empty_message() {
    let (server, visit) = open(Browser::Chromium).await;
    let file = file_of(b"abc");
    visit.formats("file").await;
    visit.attaches(file.path()).await;
    drop(file);

    visit.press("Send").await;

    visit.declines("the browser cannot read the file").await;
    assert!(server.binaries().is_empty());
}

#[tokio::test]
async fn what_comes_is_copied_and_saved_as_it_came() {
    let (server, visit) = open(Browser::Chromium).await;
    visit.catches_files().await;
    for (message, name, looks, copied) in [
        (Message::text("a\r\nb\0"), ".txt", "Raw Hex", "a\r\nb\0"),
        (
            Message::text("{\r\n}"),
            ".txt",
            "Formatted Raw Hex",
            "{\r\n}",
        ),
        (Message::binary(vec![13, 10]), ".bin", "Raw Hex", "0d 0a"),
        (Message::binary(vec![0]), ".bin", "Raw Hex", "00"),
        (Message::binary(vec![0, 0xff]), ".bin", "Hex", "00 ff"),
        (Message::binary(&b""[..]), ".bin", "Raw Hex", ""),
        (
            Message::binary(&b"[1]"[..]),
            ".bin",
            "Formatted Raw Hex",
            "5b 31 5d",
        ),
    ] {
        let bytes = message.clone().into_data();
        server.send([message]);
        visit.presses_newest("got").await;
        let offered = "return [...document.querySelectorAll('.looks button')]
            .map((one) => one.textContent).join(' ')";
        assert_eq!(visit.text_of(offered).await, looks, "{copied:?}");
        visit.press("Copy message").await;
        eventually("it is copied", SOON, async || {
            let text = visit.evaluate("return window.copied").await;
            (text == copied).then_some(())
        })
        .await;
        visit.press("Save as file").await;
        let (saved_as, saved) = visit.saved().await;
        assert!(
            saved == bytes[..] && saved_as.ends_with(name),
            "{saved_as}: {saved:?}"
        );
    }
}

#[tokio::test]
async fn bytes_are_shown_beside_their_text_and_as_text() {
    let (server, visit) = open(Browser::Chromium).await;

    server.send([Message::binary("hé".as_bytes()), Message::binary(&b""[..])]);

    visit.opens(3).await;
    visit
        .pane_shows("00000000  68 c3 a9                                          |h..|")
        .await;
    visit.press("Raw").await;
    visit.pane_shows("hé").await;
    visit.opens(4).await;
    visit.pane_shows("Empty message").await;
}

/// A text area makes every line break a single LF; nothing else is changed.
#[tokio::test]
async fn a_lone_nul_is_a_text() {
    let (server, visit) = open(Browser::Chromium).await;
    visit.puts("#message", "\0").await;
    visit.puts("#message", "a\r\nb").await;
    server.receives(&["\0", "a\nb"]).await;
}

#[tokio::test]
async fn bytes_that_wait_survive_a_reload() {
    for browser in [Browser::Chromium, Browser::Firefox] {
        let mut server = Server::absent(Manner::Silent);
        let query = format!("url={server}&{QUICK}&outbox_storage=session&lang=en");
        let visit = Visit::with(browser, &[], &query).await;
        let bytes = all_values(1_000_000);
        let file = file_of(&bytes);
        visit.formats("file").await;
        visit.attaches(file.path()).await;
        visit.press("Send").await;
        visit.awaits("queued", |count| count == "1").await;

        let address = visit.session.client.current_url().await.unwrap();
        visit.go(address.as_str()).await;

        visit.awaits("queued", |count| count == "1").await;
        server.resume();
        assert!(server.receives_bytes(1).await == [bytes], "{browser}");
    }
}

#[tokio::test]
async fn bytes_that_are_set_aside_are_named_by_their_size() {
    let server = Server::start(Manner::Silent);
    let query = format!("url={server}&{QUICK}&resend=every&lang=en");
    let visit = Visit::to(&query).await;
    visit.reaches(&["open"]).await;
    visit.formats("hex").await;
    visit.types("0102").await;
    visit.types(ENTER).await;

    eventually("they are set aside", SOON, async || {
        let all = server.connections();
        if all
            .iter()
            .any(|one| one.is_alive() && !one.binaries.is_empty())
        {
            server.close(1011, "");
        }
        let aside = visit.text_of("return document.querySelector('.aside p')?.textContent");
        aside.await.contains("“Binary, 2 bytes”").then_some(())
    })
    .await;
}

/// With an error of each, in both languages.
#[tokio::test]
async fn each_format_is_accessible() {
    for lang in Lang::ALL {
        let words = lang.words();
        let server = Server::start(Manner::Echo);
        let visit = Visit::to(&format!("url={server}&lang={}", lang.tag())).await;
        visit.reaches(&["open"]).await;
        server.send([Message::binary(all_values(100_000))]);
        visit.presses_row("got").await;
        visit.types("!").await;
        let mut found = String::new();
        for format in ["text", "hex", "Base64", "file"] {
            visit.formats(format).await;
            if format != "text" {
                visit.press(words.send).await;
                let begin = words.file_missing.split([':', '：']).next().unwrap();
                visit.declines(begin).await;
            }
            found += &look_everywhere(&visit, &format!("{format}-{}", lang.tag())).await;
        }
        assert!(found.is_empty(), "{found}");
    }
}

#[tokio::test]
async fn the_keyboard_alone_sends_bytes_and_saves_them() {
    let (server, visit) = open(Browser::Chromium).await;
    visit.catches_files().await;

    visit.tabs_to("message-format").await;
    visit.strikes("H").await;
    visit.has_format("hex").await;
    visit.tabs_to("message").await;
    visit.strikes("00 0d 0a zz").await;
    visit.strikes(ENTER).await;
    visit.declines("“z” in line 1, column 10").await;
    // What cannot be read is selected.
    visit.strikes("\u{e017}\u{e017}ff").await;
    visit.strikes(ENTER).await;
    assert_eq!(server.receives_bytes(1).await, [[0, 13, 10, 0xff]]);

    visit.tabs_to("message-format").await;
    visit.strikes("F").await;
    visit.has_format("file").await;
    visit.tabs_to("message-file").await;
    // The driver takes every key for a file's name there.
    let tab = json!({ "type": "rawKeyDown", "key": "Tab", "windowsVirtualKeyCode": 9 });
    visit.devtools("Input.dispatchKeyEvent", tab).await;
    visit.tabs_to("Send").await;
    visit.strikes(ENTER).await;
    visit.declines("no file is chosen").await;
    assert_eq!(visit.focus().await, "Send");

    visit.shows("Binary, 4 bytes").await;
    let row = "return document.activeElement.dataset.row";
    for _ in 0..100 {
        if !visit.text_of(row).await.is_empty() {
            break;
        }
        visit.strikes(TAB).await;
    }
    visit.strikes(ENTER).await;
    visit.tabs_to("Save as file").await;
    visit.strikes(ENTER).await;
    assert_eq!(visit.saved().await.1, [0, 13, 10, 0xff]);
}

/// A page that is connected to a server which sends everything back.
async fn open(browser: Browser) -> (Server, Visit) {
    let server = Server::start(Manner::Echo);
    let visit = Visit::with(browser, &[], &format!("url={server}&lang=en")).await;
    visit.reaches(&["open"]).await;
    (server, visit)
}

/// So many bytes, of every value.
fn all_values(count: usize) -> Vec<u8> {
    (0..=255).cycle().take(count).collect()
}

fn file_of(bytes: &[u8]) -> NamedTempFile {
    let mut file = NamedTempFile::new().unwrap();
    file.write_all(bytes).unwrap();
    file
}

impl Server {
    /// Waits until so many binary frames have arrived, and returns them.
    pub(super) async fn receives_bytes(&self, count: usize) -> Vec<Vec<u8>> {
        eventually("all bytes have arrived", SOON, async || {
            let binaries = self.binaries();
            let all = binaries.iter().map(|one| one.to_vec());
            (binaries.len() >= count).then(|| all.collect())
        })
        .await
    }
}

impl Visit {
    /// Has messages written so.
    pub(super) async fn formats(&self, format: &str) {
        let select = self
            .session
            .client
            .find(Locator::Css("#message-format"))
            .await;
        select.unwrap().select_by_value(format).await.unwrap();
        self.has_format(format).await;
    }

    /// Waits until messages are written so.
    async fn has_format(&self, format: &str) {
        let chosen = "const [field, file, format] = ['', '-file', '-format'].map(
                (end) => document.querySelector('#message' + end));
            return field.readOnly === file.checkVisibility()
                && field.readOnly === (format.value === 'file') ? format.value : ''";
        eventually(&format!("the format is {format}"), SOON, async || {
            (self.text_of(chosen).await == format).then_some(())
        })
        .await;
    }

    /// Chooses a file to be sent.
    async fn attaches(&self, file: &Path) {
        let field = self
            .session
            .client
            .find(Locator::Css("#message-file"))
            .await;
        let path = file.to_str().unwrap();
        field.unwrap().send_keys(path).await.unwrap();
    }

    /// Drops files that hold these texts on the message field, or pastes them; returns whether the page
    /// lets them be dropped, and whether it takes them from the browser.
    async fn brings(&self, how: &str, files: &[&str], text: &str) -> Value {
        let brings = "const [how, files, text] = arguments;
            const dataTransfer = new DataTransfer();
            for (const file of files) dataTransfer.items.add(new File([file], 'a file'));
            if (text) dataTransfer.setData('text/plain', text);
            const init = { bubbles: true, cancelable: true, dataTransfer };
            const paste = new ClipboardEvent('paste', init);
            // Firefox takes none from who makes the event.
            Object.defineProperty(paste, 'clipboardData', { value: dataTransfer });
            const events = how === 'drop'
                ? [new DragEvent('dragover', init), new DragEvent('drop', init)]
                : [undefined, paste];
            return events.map((event) =>
                !event || !document.querySelector('#message').dispatchEvent(event));";
        let arguments = vec![json!(how), json!(files), json!(text)];
        let client = &self.session.client;
        client.execute(brings, arguments).await.unwrap()
    }

    /// Waits until what is said below the field has `text` in it; nothing is said where that is empty.
    async fn declines(&self, text: &str) {
        let said = "return document.querySelector('#message-error').textContent";
        eventually(&format!("the page says {text:?}"), SOON, async || {
            let said = self.text_of(said).await;
            let is_said = said.contains(text) && said.is_empty() == text.is_empty();
            is_said.then_some(())
        })
        .await;
    }

    /// Keeps what is saved and what is copied, and lets the browser have none of it.
    async fn catches_files(&self) {
        let catches = "
            URL.createObjectURL = (file) => { window.saved = file; return 'blob:'; };
            const { click } = HTMLElement.prototype;
            HTMLElement.prototype.click = function () {
                if (this.download) window.savedAs = this.download; else click.call(this);
            };
            navigator.clipboard.writeText = async (text) => { window.copied = text; };";
        self.evaluate(catches).await;
    }

    /// What was saved last: its name and its bytes. It is forgotten then.
    async fn saved(&self) -> (String, Vec<u8>) {
        eventually("a file is saved", SOON, async || {
            let is_there = self.evaluate("return Boolean(window.savedAs)").await;
            (is_there == true).then_some(())
        })
        .await;
        let read = "const done = arguments[0];
            const { saved, savedAs } = window;
            window.savedAs = undefined;
            saved.arrayBuffer().then((buffer) => {
                const bytes = new Uint8Array(buffer);
                let text = '';
                for (let start = 0; start < bytes.length; start += 8192) {
                    text += String.fromCharCode(...bytes.subarray(start, start + 8192));
                }
                done([savedAs, text]);
            });";
        let client = &self.session.client;
        let saved = client.execute_async(read, vec![]).await.unwrap();
        let (name, text): (String, String) = serde_json::from_value(saved).unwrap();
        let bytes = text.chars().map(|letter| u8::try_from(letter).unwrap());
        (name, bytes.collect())
    }

    /// Opens the newest row of this kind, once there is another than the one that is open.
    async fn presses_newest(&self, kind: &str) {
        let open = self.opened_row().await;
        let newest =
            format!("return [...document.querySelectorAll('.row.{kind}')].at(-1)?.dataset.row");
        let newest = eventually("a new row", SOON, async || {
            let row = self.text_of(&newest).await;
            (!row.is_empty() && row != open).then_some(row)
        })
        .await;
        let press = format!("document.querySelector('[data-row=\"{newest}\"]').click()");
        self.evaluate(&press).await;
        eventually("it is opened", SOON, async || {
            (self.opened_row().await == newest).then_some(())
        })
        .await;
    }

    async fn opened_row(&self) -> String {
        let opened = "return document.querySelector('.row[aria-expanded=true]')?.dataset.row ?? ''";
        self.text_of(opened).await
    }
}
