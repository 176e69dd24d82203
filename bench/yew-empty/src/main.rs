//! The seed without a connection: what is typed is what is shown.

use web_sys::HtmlInputElement;
use yew::prelude::*;

#[component]
fn Empty() -> Html {
    let text = use_state(String::new);
    let shown = text.to_string();
    let oninput = move |event: InputEvent| {
        let field: HtmlInputElement = event.target_unchecked_into();
        text.set(field.value());
    };
    html! {
        <main>
            <p><label>{ "Message " }<input autocomplete="off" {oninput} /></label></p>
            <p>{ "Received: " }<output>{ shown }</output></p>
            <p role="status">{ "Not connected" }</p>
        </main>
    }
}

fn main() {
    yew::Renderer::<Empty>::new().render();
}
