//! One connection for two components, and a tick beside each message that has arrived.

use heartwire::yew::{Provider, use_client, use_fate, use_status};
use heartwire::{Fate, Options, Receipt};
use web_sys::HtmlInputElement;
use yew::prelude::*;

#[component]
fn App() -> Html {
    let options = Options::new().heartbeat_text("heartbeat {n}"); // its return is the proof
    let options = options.keep_in_tab("shared"); // a reload loses nothing that waits
    html! { <Provider target="ws://localhost:8080" {options}><Lamp /><Chat /></Provider> }
}

#[component]
fn Lamp() -> Html {
    let client = use_client();
    let status = use_status(&client);
    html! { <p role="status">{ if status.is_open() { "Connected" } else { "Not connected" } }</p> }
}

#[component]
fn Chat() -> Html {
    let client = use_client();
    let sent = use_state(Vec::<(String, Receipt)>::new);
    let field = use_node_ref();
    let (shown, input) = (sent.clone(), field.clone());
    let onsubmit = move |event: SubmitEvent| {
        event.prevent_default();
        let input: HtmlInputElement = input.cast().expect("it is drawn");
        // A message for which there is no room stays in the field.
        if let Ok(receipt) = client.send(input.value()) {
            sent.set([&sent[..], &[(input.value(), receipt)]].concat());
            input.set_value("");
        }
    };
    let rows = shown.iter().map(|(text, receipt)| {
        html! { <li>{ text }{ " " }<Tick receipt={receipt.clone()} /></li> }
    });
    html! { <form {onsubmit}>
        <label>{ "Message " }<input ref={field} autocomplete="off" /></label> <button>{ "Send" }</button>
        <ul>{ for rows }</ul>
    </form> }
}

#[derive(PartialEq, Properties)]
struct Sent {
    receipt: Receipt,
}

#[component]
fn Tick(sent: &Sent) -> Html {
    let fate = use_fate(&sent.receipt);
    let has_arrived = matches!(fate, Some(Fate::Answered | Fate::Confirmed));
    html! { <b>{ if has_arrived { "✓" } else { "…" } }</b> }
}

fn main() {
    yew::Renderer::<App>::new().render();
}
