//! An outage and the recovery from it, as the strip of a real page shows them.

use std::env;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio::time::sleep;

use super::{evaluate, failed, page, resize, until};
use crate::Error;
use crate::browser::Session;
use crate::leash::Leash;

/// Takes the picture: the server answers, stands still, is gone, and is back.
pub(super) async fn shoot(port: u16) -> Result<Vec<u8>, Error> {
    let server = serve(port).await?;
    let query = format!("lang=en&url=ws://localhost:{port}&{SETTINGS}");
    let (session, _site) = page("light", 1280, &query).await?;
    let mut frames = Vec::new();
    reach(&session, "open").await?;
    sleep(WELL).await;
    frames.push(frame(&session).await?);

    let pause = server.pause().await.map_err(failed)?;
    reach(&session, "stale").await?;
    sleep(DOUBTED).await;
    frames.push(frame(&session).await?);

    reach(&session, "waiting").await?;
    drop(server);
    drop(pause);
    sleep(GONE).await;
    frames.push(frame(&session).await?);

    let _server = serve(port).await?;
    reach(&session, "open").await?;
    sleep(BACK).await;
    frames.push(frame(&session).await?);
    montage(&session, &frames).await
}

/// Starts the echo server as a process, which can stand still.
async fn serve(port: u16) -> Result<Leash, Error> {
    let program = env::current_exe().map_err(failed)?;
    let port = port.to_string();
    let server = Leash::start(program, ["echo", "--quiet", "--port", &port]).map_err(failed)?;
    while TcpStream::connect(format!("127.0.0.1:{port}"))
        .await
        .is_err()
    {
        sleep(Duration::from_millis(20)).await;
    }
    Ok(server)
}

/// Waits until the page is in this state.
async fn reach(session: &Session, state: &str) -> Result<(), Error> {
    let condition = format!("document.querySelector('[data-state={state}]') !== null");
    until(session, &condition).await
}

/// The newest part of the strip, under what the page says of its state.
async fn frame(session: &Session) -> Result<String, Error> {
    let headline = evaluate(
        session,
        "document.querySelector('.headline').firstChild.data",
    )
    .await?;
    let place = "(() => {
        const { right, top } = document.querySelector('.pulse').getBoundingClientRect();
        const { bottom } = document.querySelector('.minutes').getBoundingClientRect();
        return [right - 1, top + scrollY + 1, bottom - top - 1];
    })()";
    let place = evaluate(session, place).await?;
    let [Some(right), Some(top), Some(height)] =
        [0, 1, 2].map(|index| place.get(index).and_then(Value::as_f64))
    else {
        return Err(failed("the strip has no place"));
    };
    let clip = json!({
        "x": right - WIDTH, "y": top, "width": WIDTH, "height": height, "scale": 2,
    });
    let parameters = json!({ "clip": clip, "captureBeyondViewport": true });
    let picture = session
        .devtools("Page.captureScreenshot", parameters)
        .await?;
    let data = picture.get("data").and_then(Value::as_str);
    Ok(format!(
        "<figure><figcaption>{}</figcaption><img width={WIDTH} src='data:image/png;base64,{}'></figure>",
        headline.as_str().unwrap_or_default(),
        data.unwrap_or_default(),
    ))
}

/// All frames in one picture.
async fn montage(session: &Session, frames: &[String]) -> Result<Vec<u8>, Error> {
    let html = format!(
        "<!doctype html><style>{STYLE}</style><body>{}",
        frames.concat()
    );
    session.client.goto("about:blank").await.map_err(failed)?;
    let write = format!(
        "(document.open(), document.write({}), document.close(),
         Promise.all([...document.images].map(one => one.decode())).then(() => true))",
        json!(html)
    );
    evaluate(session, &write).await?;
    resize(session, SHEET.0, SHEET.1).await?;
    session.client.screenshot().await.map_err(failed)
}

/// What takes minutes by default takes seconds.
const SETTINGS: &str = "heartbeat=6s&reply_timeout=8s&retry_min=6s&retry_max=6s";

/// How long each part lasts until its frame is taken.
const WELL: Duration = Duration::from_secs(58);
const DOUBTED: Duration = Duration::from_millis(2_500);
const GONE: Duration = Duration::from_secs(14);
const BACK: Duration = Duration::from_secs(26);

/// A frame's width in pixels: two minutes.
const WIDTH: f64 = 400.0;

/// The picture's size in pixels.
const SHEET: (u32, u32) = (844, 424);

const STYLE: &str = "
    body { margin: 0; padding: 8px; display: grid; grid-template-columns: auto auto; gap: 16px; justify-content: space-between; background: #f4f7f7; color: #132426; font: 600 15px/1.4 system-ui, sans-serif; }
    figure { margin: 0; }
    figcaption { padding-bottom: 4px; }
    img { display: block; border: 1px solid #c9d6d7; border-radius: 10px; }";
