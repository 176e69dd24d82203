//! Pictures of the page: the README's, and all that a person should look at; and its icons.

mod outage;

use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};
use std::time::Duration;

use fantoccini::Locator;
use serde_json::{Value, json};
use tokio::time::{sleep, timeout};

use crate::arguments::Arguments;
use crate::browser::{Browser, Session};
use crate::echo::{self, Server};
use crate::site::Site;
use crate::{Error, Interrupt, console, root};

/// What `cargo xtask picture --help` prints; the first line is its summary.
pub const HELP: &str = "\
the README's pictures, made anew

Opens the page of dist/ in Chromium, connected to the real echo server, and writes docs/page.png; then
lets the server fail and come back, and writes docs/outage.png. That takes two minutes.
`trunk build --release` comes first; `cargo xtask test` installs the browser.

options:
  --all FOLDER  every combination of language, colours, width and state into FOLDER instead
  --icons       the PNG files of public/icons instead, from the icon.svg there
  --port PORT   the echo server's port, which the pictures show [8080]";

/// Runs `cargo xtask picture`.
///
/// # Errors
///
/// When the page is not built, the port cannot be had, or the browser cannot be driven.
pub async fn command(mut arguments: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    let folder = arguments.option("--all", "a folder", |folder| {
        (!folder.is_empty()).then(|| PathBuf::from(folder))
    })?;
    let port = arguments.option("--port", "a port, 1 to 65535", |port| port.parse().ok())?;
    let draws_icons = arguments.flag("--icons");
    arguments.finish()?;

    if draws_icons {
        return interrupt.guard(draw_icons()).await;
    }
    let is_readme = folder.is_none();
    let scenes = match folder {
        Some(folder) => all(&folder),
        None => vec![(root().join("docs/page.png"), README)],
    };
    let port = port.unwrap_or(8080);
    interrupt
        .guard(async {
            let save = |file: &Path, picture: &[u8]| {
                console::say(format_args!("{:>7} B  {}", picture.len(), file.display()));
                write(file, picture)
            };
            for (file, scene) in scenes {
                let picture = timeout(PATIENCE, scene.shoot(port))
                    .await
                    .map_err(|_| Error::Failed(format!("the page does not become {scene:?}")))??;
                save(&file, &picture)?;
            }
            if is_readme {
                let picture = timeout(3 * PATIENCE, outage::shoot(port))
                    .await
                    .map_err(|_| failed("the outage takes no course"))??;
                save(&root().join("docs/outage.png"), &picture)?;
            }
            Ok(())
        })
        .await
}

/// What a picture shows.
#[derive(Clone, Copy, Debug)]
struct Scene {
    language: &'static str,
    colours: &'static str,
    width: u32,
    state: &'static str,
}

const README: Scene = Scene {
    language: "en",
    colours: "light",
    width: 1280,
    state: "open",
};

fn all(folder: &Path) -> Vec<(PathBuf, Scene)> {
    let mut scenes = Vec::new();
    for language in ["en", "zh-CN"] {
        for colours in ["light", "dark"] {
            for width in [1280, 360] {
                for state in ["open", "waiting"] {
                    let name = format!("{language}-{colours}-{width}-{state}.png");
                    scenes.push((
                        folder.join(name),
                        Scene {
                            language,
                            colours,
                            width,
                            state,
                        },
                    ));
                }
            }
        }
    }
    scenes
}

impl Scene {
    async fn shoot(self, port: u16) -> Result<Vec<u8>, Error> {
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
        let query = format!(
            "lang={}&heartbeat=1s&retry_min=20s&retry_max=20s{url}",
            self.language
        );
        let (session, _site) = page(self.colours, self.width, &query).await?;
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
        let sentence = if self.language == "en" {
            SENTENCE.0
        } else {
            SENTENCE.1
        };
        message.send_keys(sentence).await.map_err(failed)?;
        until(
            &session,
            &format!("document.querySelector('#received').textContent === '{sentence}'"),
        )
        .await?;
        // The strip's words are some seconds behind its line.
        until(
            &session,
            "/[1-9] (heartbeats|次心跳)/.test(document.querySelector('#pulse-said').textContent)",
        )
        .await?;
        if self.state == "waiting" {
            echo.abort();
            until(
                &session,
                "document.querySelector('[data-state=waiting]') !== null",
            )
            .await?;
        }

        let height = evaluate(&session, "document.documentElement.scrollHeight").await?;
        let height = height
            .as_u64()
            .and_then(|height| u32::try_from(height).ok());
        resize(&session, self.width, height.unwrap_or(400)).await?;
        let picture = session.client.screenshot().await.map_err(failed)?;

        // The next picture needs the port.
        echo.abort();
        let _ = echo.await;
        Ok(picture)
    }
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
    let seed = json!({ "source": "Math.random = () => 0.5" });
    session
        .devtools("Page.addScriptToEvaluateOnNewDocument", seed)
        .await?;
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

/// What is typed into the page, in English and in Chinese.
const SENTENCE: (&str, &str) = (
    "Every keystroke arrives, in order and once.",
    "每次按键都会送达，按序且仅一次。",
);

/// How long one picture may take; it needs three seconds.
const PATIENCE: Duration = Duration::from_mins(1);
