use tokio_tungstenite::tungstenite::Message;

use super::server::{Manner, Server};
use super::visit::Visit;
use super::{SOON, eventually};

#[tokio::test]
async fn markup_stays_text() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["open"]).await;

    let typed = "<b>bold</b><img src=x onerror=document.title='!'>&amp;";
    visit.types(typed).await;

    visit.shows(typed).await;
    assert_no_markup(&visit).await;

    let sent = "<script>document.title = '!'</script><u>&lt;</u>\u{202e}\n  end";
    server.send([Message::text(sent)]);
    visit.shows(&sent.replace('\u{202e}', "⟨U+202E⟩")).await;
    assert_no_markup(&visit).await;
}

#[tokio::test]
async fn a_binary_frame_is_shown_as_such() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["open"]).await;

    server.send([Message::binary(vec![0, 159, 146, 150, 255])]);

    visit.shows("Binary, 5 bytes").await;
    visit.types("x").await;
    visit.shows("x").await;
}

#[tokio::test]
async fn an_empty_text_is_a_message() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&lang=en")).await;
    visit.reaches(&["open"]).await;

    server.send([Message::text("x")]);
    visit.shows("x").await;
    server.send([Message::text("")]);
    visit.shows("Empty message").await;
    let named = "return document.querySelector('#received > em')?.textContent";
    assert_eq!(visit.text_of(named).await, "Empty message");

    // A text that says the same is none.
    server.send([Message::text("Empty message ")]);
    visit.shows("Empty message ").await;
    assert_eq!(visit.text_of(named).await, "");
}

#[tokio::test]
async fn of_4_mb_the_beginning_is_shown_and_the_page_lives_on() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}&lang=en")).await;
    visit.reaches(&["open"]).await;

    let text = format!("{}end", "0123456789abcde\n".repeat(262_144));
    server.send([Message::text(text.as_str())]);

    let shown = eventually("a message is shown", SOON, async || {
        let shown = visit.received().await;
        (!shown.is_empty()).then_some(shown)
    })
    .await;
    assert!(text.starts_with(&shown), "{shown:.40}");
    assert!((4_000..=32_000).contains(&shown.len()), "{}", shown.len());
    let note = visit.received_note().await;
    assert!(note.contains("the message is 4.2 MB in all"), "{note}");
    visit.types("x").await;
    visit.shows("x").await;
    assert_eq!(visit.received_note().await, "");
}

#[tokio::test]
async fn of_20_000_texts_in_a_burst_the_last_is_shown_and_the_page_lives_on() {
    let server = Server::start(Manner::Echo);
    let visit = Visit::to(&format!("url={server}")).await;
    visit.reaches(&["open"]).await;

    server.send((1..=20_000).map(|n| Message::text(format!("message {n}"))));

    visit.shows("message 20000").await;
    visit.types("x").await;
    visit.shows("x").await;
    assert_eq!(server.texts(), ["x"]);
    assert_eq!(server.connections().len(), 1);
}

async fn assert_no_markup(visit: &Visit) {
    let elements = visit
        .evaluate("return document.querySelectorAll('b, u, img[src=x], #received script').length")
        .await;
    assert_eq!(elements, 0);
    assert_ne!(visit.session.client.title().await.unwrap(), "!");
}
