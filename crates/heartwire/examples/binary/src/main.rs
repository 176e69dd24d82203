//! Bytes, both ways. What comes stays in the browser's memory until it is asked for.

use heartwire::{
    Message,
    yew::{use_heartwire, use_last_message},
};
use yew::prelude::*;

#[component]
fn App() -> Html {
    let client = use_heartwire("ws://localhost:8080");
    let last = use_last_message(&client);
    let onclick = move |_| {
        // There is no room when a thousand wait.
        let _ = client.send(vec![0xca, 0xfe, 0x00, 0xff]);
    };
    let text = match last.as_deref() {
        Some(Message::Binary(bytes)) => format!("{} bytes: {:02x?}", bytes.len(), bytes.to_vec()),
        Some(Message::Text(text)) => format!("a text: {text}"),
        _ => "nothing yet".into(),
    };
    html! {
        <main>
            <button {onclick}>{ "Send bytes" }</button>
            <p><output>{ text }</output></p>
        </main>
    }
}

fn main() {
    yew::Renderer::<App>::new().render();
}
