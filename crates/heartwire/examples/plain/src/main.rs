//! No framework: a client, a subscription, and two elements of the page.

use heartwire::{Client, Event};

fn main() {
    let client = Client::connect("ws://localhost:8080");
    let subscription = client.subscribe(|event| match event {
        Event::Status(status) => show("[role=status]", &format!("{status:?}")),
        Event::Message(message) => show("output", message.text().unwrap_or("bytes")),
        _ => {}
    });
    // There is room: it is the first.
    let _ = client.send("hello");
    // Both live as long as the page.
    std::mem::forget((client, subscription));
}

fn show(selector: &str, text: &str) {
    let document = web_sys::window().and_then(|window| window.document());
    let element = document.and_then(|document| document.query_selector(selector).ok()?);
    if let Some(element) = element {
        element.set_text_content(Some(text));
    }
}
