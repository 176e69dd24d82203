//! A field whose every change goes to a server, the last message that came, and how the connection is.

use gloo_events::EventListener;
use heartwire::yew::{use_heartwire, use_last_message, use_status};
use heartwire::{Message, Status};
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[component]
fn Seed() -> Html {
    let client = use_heartwire("ws://localhost:8080");
    let status = use_status(&client);
    let last = use_last_message(&client);
    let field = use_node_ref();
    let sent = use_mut_ref(String::new);
    let send = use_callback(client, move |field: HtmlInputElement, client| {
        // Some browsers tell the end of a composition twice.
        if sent.replace(field.value()) != field.value() {
            // Of what is typed while there is no connection, the newest is sent.
            client.send_latest(field.value());
        }
    });
    // What an input method is composing is not typed before it ends.
    use_effect_with((field.clone(), send.clone()), |(field, send)| {
        let send = send.clone();
        let composed = field.cast::<HtmlInputElement>().map(|field| {
            EventListener::new(&field.clone(), "compositionend", move |_| {
                send.emit(field.clone())
            })
        });
        move || drop(composed)
    });
    let oninput = move |event: InputEvent| {
        if !event.is_composing() {
            send.emit(event.target_unchecked_into());
        }
    };
    let text = last.as_deref().and_then(Message::text).unwrap_or_default();
    html! {
        <main>
            <p><label>{ "Message " }<input ref={field} autocomplete="off" {oninput} /></label></p>
            <p>{ "Received: " }<output>{ text.to_owned() }</output></p>
            <p role="status">{ said(&status) }</p>
        </main>
    }
}

fn said(status: &Status) -> &'static str {
    match status {
        Status::Open { .. } => "Connected",
        Status::Connecting { .. } => "Connecting…",
        Status::Waiting { .. } => "Connection lost. It is tried again.",
        _ => "Not connected",
    }
}

fn main() {
    yew::Renderer::<Seed>::new().render();
}
