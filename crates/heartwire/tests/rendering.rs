//! The hooks on a server that renders.
#![cfg(not(target_arch = "wasm32"))]

use heartwire::{
    Message,
    yew::{Provider, use_client, use_heartwire, use_last_message, use_status},
};
use yew::{ServerRenderer, prelude::*};

/// As the front page has it.
#[component]
fn Chat() -> Html {
    let client = use_heartwire("ws://localhost:8080");
    let status = use_status(&client);
    let last = use_last_message(&client);
    let (sender, again) = (client.clone(), client.clone());
    html! { <>
        <b>{ if status.is_open() { "connected" } else { "not connected" } }</b>
        <button onclick={move |_| { let _ = sender.send("hello"); }}>{ "Send" }</button>
        <button onclick={move |_| again.retry()}>{ "Reconnect" }</button>
        <output>{ last.as_deref().and_then(Message::text).unwrap_or("nothing yet").to_owned() }</output>
    </> }
}

#[tokio::test(flavor = "current_thread")]
async fn a_component_is_rendered_without_a_browser() {
    let renderer = ServerRenderer::<Chat>::new().hydratable(false);
    let html = renderer.render().await;
    assert_eq!(
        html,
        "<b>not connected</b><button>Send</button><button>Reconnect</button><output>nothing yet</output>"
    );
}

#[component]
fn Below() -> Html {
    let client = use_client();
    let status = use_status(&client);
    html! { format!("{status:?}") }
}

#[component]
fn Above() -> Html {
    html! { <Provider target="ws://localhost:8080"><Below /></Provider> }
}

#[tokio::test(flavor = "current_thread")]
async fn what_is_below_a_provider_has_its_client() {
    let renderer = ServerRenderer::<Above>::new().hydratable(false);
    assert_eq!(renderer.render().await, "Idle");
}
