//! Pictures of the page: the README's, and all that a person should look at; and its icons.

mod outage;

use std::fs;
use std::future::pending;
use std::path::{self, Path, PathBuf};
use std::time::Duration;

use clap::Args;
use fantoccini::Locator;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::arguments;
use crate::browser::{Browser, Session};
use crate::echo::{self, Server};
use crate::process::{self, Process};
use crate::site::Site;
use crate::{Error, Interrupt, console, root};

/// The README's pictures, made anew
///
/// Opens the page of dist/ in Chromium, connected to the real echo server, and writes docs/page.png; then
/// lets the server fail and come back, and writes docs/outage.png. That takes two minutes.
/// `trunk build --release` comes first; `cargo xtask test` installs the browser.
#[derive(Debug, Args)]
pub struct Arguments {
    /// Every state into FOLDER instead, in both languages, light and dark, narrow and wide,
    /// as the tests enter them
    #[arg(long, value_name = "FOLDER")]
    all: Option<PathBuf>,
    /// The PNG files of public/icons instead, from the icon.svg there
    #[arg(long)]
    icons: bool,
    /// The echo server's port, which the pictures show
    #[arg(long, default_value_t = 8080, value_parser = arguments::port)]
    port: u16,
}

/// Runs `cargo xtask picture`.
///
/// # Errors
///
/// When the page is not built, the port cannot be had, or the browser cannot be driven.
pub async fn command(arguments: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    let Arguments {
        all: folder,
        icons,
        port,
    } = arguments;
    if icons {
        return interrupt.guard(draw_icons()).await;
    }
    if let Some(folder) = folder {
        return interrupt.guard(all(&folder)).await;
    }
    interrupt
        .guard(async {
            let save = |name: &str, picture: &[u8]| {
                let file = root().join("docs").join(name);
                console::say(format_args!("{:>7} B  {}", picture.len(), file.display()));
                write(&file, picture)
            };
            let picture = timeout(PATIENCE, open(port))
                .await
                .map_err(|_| failed("the page does not connect"))??;
            save("page.png", &picture)?;
            let picture = timeout(3 * PATIENCE, outage::shoot(port))
                .await
                .map_err(|_| failed("the outage takes no course"))??;
            save("outage.png", &picture)
        })
        .await
}

/// Has the tests that enter every state take the pictures: they know a real cause of each.
async fn all(folder: &Path) -> Result<(), Error> {
    let folder = path::absolute(folder).map_err(failed)?;
    fs::create_dir_all(&folder).map_err(failed)?;
    let line = "test -p xtask --test page -- page::states:: page::axe::what_strangers";
    let mut cargo = process::command("cargo", line.split(' '));
    cargo.env(FOLDER, &folder);
    Process::start(&mut cargo)?.succeed().await?;
    console::say(format_args!("the pictures are in {}", folder.display()));
    Ok(())
}

/// The page while it is connected and heartbeats are answered.
async fn open(port: u16) -> Result<Vec<u8>, Error> {
    const WIDTH: u32 = 1280;
    let echo = echo::Options {
        port,
        log: false,
        ..echo::Options::default()
    };
    let echo = tokio::spawn(Server::bind(echo).await?.run(pending()));
    let url = if port == 8080 {
        String::new()
    } else {
        format!("&url=ws://localhost:{port}")
    };
    let query = format!("lang=en&heartbeat=1s{url}");
    let (session, _site) = page("light", WIDTH, &query).await?;
    until(
        &session,
        "document.querySelector('[data-state=open]') !== null",
    )
    .await?;

    let message = session
        .client
        .find(Locator::Css("#message"))
        .await
        .map_err(failed)?;
    message.send_keys(SENTENCE).await.map_err(failed)?;
    until(
        &session,
        &format!("document.querySelector('#received').textContent === '{SENTENCE}'"),
    )
    .await?;
    // The strip's words are some seconds behind its line.
    until(
        &session,
        "/[1-9] heartbeats/.test(document.querySelector('#pulse-said').textContent)",
    )
    .await?;

    let height = evaluate(&session, "document.documentElement.scrollHeight").await?;
    let height = height
        .as_u64()
        .and_then(|height| u32::try_from(height).ok());
    resize(&session, WIDTH, height.unwrap_or(400)).await?;
    let picture = session.client.screenshot().await.map_err(failed)?;

    // The outage needs the port.
    echo.abort();
    let _ = echo.await;
    Ok(picture)
}

/// The icons that cannot be drawn by whoever shows them: with corners of its own, and `full` for
/// systems that cut corners themselves and may take a fifth of the width.
async fn draw_icons() -> Result<(), Error> {
    let folder = root().join("public/icons");
    let svg = fs::read_to_string(folder.join("icon.svg")).map_err(failed)?;
    let ground = svg
        .split("fill=\"")
        .nth(1)
        .and_then(|rest| rest.split('"').next());
    let ground = ground.ok_or_else(|| failed("icon.svg has no colour"))?;
    let session = Session::start(Browser::Chromium, &["--hide-scrollbars"]).await?;
    let nothing = json!({ "color": { "r": 0, "g": 0, "b": 0, "a": 0 } });
    session
        .devtools("Emulation.setDefaultBackgroundColorOverride", nothing)
        .await?;
    for (name, size, body) in [
        ("icon", 192, String::new()),
        ("icon", 512, String::new()),
        ("full", 180, format!("background: {ground}; scale: 0.8")),
        ("full", 512, format!("background: {ground}; scale: 0.8")),
    ] {
        resize(&session, size, size).await?;
        let page =
            format!("<style>body {{ margin: 0; {body} }} svg {{ display: block }}</style>{svg}");
        let draw = "document.documentElement.innerHTML = arguments[0]";
        let draw = session.client.execute(draw, vec![json!(page)]);
        draw.await.map_err(failed)?;
        let picture = session.client.screenshot().await.map_err(failed)?;
        let file = folder.join(format!("{name}-{size}.png"));
        write(&file, &picture)?;
        console::say(format_args!("{:>7} B  {}", picture.len(), file.display()));
    }
    Ok(())
}

/// The page in these colours and this width, with every random delay the half of its ceiling.
async fn page(colours: &str, width: u32, query: &str) -> Result<(Session, Site), Error> {
    let dist = root().join("dist");
    if !dist.join("index.html").is_file() {
        let dist = dist.display();
        return Err(Error::Failed(format!(
            "{dist} is not built: run `trunk build --release` first"
        )));
    }
    let site = Site::start(&dist, "/", None).await.map_err(failed)?;
    let session = Session::start(Browser::Chromium, &["--hide-scrollbars"]).await?;

    // The delays come from this: with one seed, every picture has the same.
    session.run_first("Math.random = () => 0.5").await?;
    let colours = json!([{ "name": "prefers-color-scheme", "value": colours }]);
    session
        .devtools("Emulation.setEmulatedMedia", json!({ "features": colours }))
        .await?;
    resize(&session, width, 400).await?;
    session
        .client
        .goto(&site.address("localhost", query))
        .await
        .map_err(failed)?;
    Ok((session, site))
}

async fn resize(session: &Session, width: u32, height: u32) -> Result<(), Error> {
    let metrics =
        json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
    session
        .devtools("Emulation.setDeviceMetricsOverride", metrics)
        .await?;
    Ok(())
}

async fn until(session: &Session, condition: &str) -> Result<(), Error> {
    while evaluate(session, condition).await? != json!(true) {
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn evaluate(session: &Session, expression: &str) -> Result<Value, Error> {
    session
        .client
        .execute(&format!("return {expression}"), vec![])
        .await
        .map_err(failed)
}

fn write(file: &Path, picture: &[u8]) -> Result<(), Error> {
    let folder = file.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)
        .and_then(|()| fs::write(file, picture))
        .map_err(|cause| Error::Failed(format!("{} cannot be written: {cause}", file.display())))
}

fn failed(cause: impl std::fmt::Display) -> Error {
    Error::Failed(format!("the picture cannot be made: {cause}"))
}

/// What is typed into the page.
const SENTENCE: &str = "Every keystroke arrives, in order and once.";

/// The variable with the folder for pictures of every state, for the test that takes them.
pub const FOLDER: &str = "HEARTWIRE_PICTURES";

/// How long one picture may take; it needs three seconds.
const PATIENCE: Duration = Duration::from_mins(1);
