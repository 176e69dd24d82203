//! An address whose token is fetched anew before each attempt.

use heartwire::{
    Attempt, Endpoint, Options, Target, Unavailable,
    yew::{use_heartwire_with, use_status},
};
use js_sys::Promise;
use wasm_bindgen::{JsCast, JsValue};
use web_sys::Response;
use yew::prelude::*;

/// Where to connect. A close with 4401 means that the login has ended, and only its user can mend that.
async fn endpoint(attempt: Attempt) -> Result<Endpoint, Unavailable> {
    if attempt.loss.is_some_and(|loss| loss.closure.code == 4401) {
        return Err(Unavailable::ForGood);
    }
    // A host that cannot be reached now may be back when it is asked again.
    let token = token().await.map_err(|_| Unavailable::Now)?;
    Ok(Endpoint::new(format!(
        "ws://localhost:8080/?token={}",
        token.trim()
    )))
}

async fn token() -> Result<String, JsValue> {
    let window = web_sys::window().ok_or(JsValue::NULL)?;
    let response: Response = window.fetch_with_str("token.txt").await?.unchecked_into();
    let text: Promise = response.text()?;
    Ok(text.await?.as_string().unwrap_or_default())
}

#[component]
fn App() -> Html {
    // One that is made anew would be another target.
    let target = use_memo((), |()| Target::asked(endpoint));
    let client = use_heartwire_with((*target).clone(), Options::new());
    let status = use_status(&client);
    html! { <p role="status">{ format!("{status:?}") }</p> }
}

fn main() {
    yew::Renderer::<App>::new().render();
}
