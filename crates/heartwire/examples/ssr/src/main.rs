//! A component that a server draws first: `cargo run -p ssr` prints what it sends. In the browser the same
//! program takes that over, and only then connects.

use heartwire::yew::{use_heartwire, use_status};
use yew::prelude::*;

#[component]
fn App() -> Html {
    let client = use_heartwire("ws://localhost:8080");
    let status = use_status(&client);
    html! { <p role="status">{ if status.is_open() { "Connected" } else { "Not connected" } }</p> }
}

#[cfg(target_arch = "wasm32")]
fn main() {
    yew::Renderer::<App>::new().hydrate();
}

#[cfg(not(target_arch = "wasm32"))]
#[tokio::main(flavor = "current_thread")]
async fn main() {
    println!("{}", yew::ServerRenderer::<App>::new().render().await);
}
