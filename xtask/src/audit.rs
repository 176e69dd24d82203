//! What others judge the page by: axe in the tests, Lighthouse here.

use std::fmt::Display;
use std::fs;
use std::future::pending;
use std::path::{Path, PathBuf};

use clap::Args;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::browser::{Browser, Session};
use crate::echo::{self, Server};
use crate::process::{self, Process};
use crate::site::Site;
use crate::test::BUILD;
use crate::tools::{self, Need};
use crate::{Error, Interrupt, console, root};

/// What Lighthouse says about the page
///
/// Builds the page into dist/ and lets Lighthouse look at it, connected to the real echo server. Prints
/// the scores with what was found, and fails when accessibility, best practices or SEO is below 1.00.
#[derive(Debug, Args)]
pub struct Arguments {}

/// Runs `cargo xtask audit`.
///
/// # Errors
///
/// When Lighthouse cannot be installed or run, or a score is below 1.
pub async fn command(_: Arguments, interrupt: &mut Interrupt) -> Result<(), Error> {
    interrupt
        .guard(async {
            tools::install(Need::Tests).await?;
            install(&["ci"], "lighthouse").await?;
            let (program, arguments) = BUILD.split_once(' ').unwrap_or((BUILD, ""));
            let mut trunk = process::command(program, arguments.split_whitespace());
            console::say(process::shown(&trunk));
            Process::start(&mut trunk)?.succeed().await?;
            let report = examine().await?;
            judge(&report)
        })
        .await
}

/// Installs axe, unless its version is there.
///
/// # Errors
///
/// When npm fails.
pub(crate) async fn install_axe() -> Result<(), Error> {
    install(&["ci", "--omit=dev"], "axe-core").await
}

/// Lets npm do `what` in `audit/`, unless `package` is there at the version of `package.json`.
async fn install(what: &[&str], package: &str) -> Result<(), Error> {
    let wanted = version(&folder().join("package.json"), |file| {
        ["dependencies", "devDependencies"]
            .iter()
            .find_map(|kind| file[kind][package].as_str())
    })?;
    let installed = folder().join("node_modules").join(package);
    let found = version(&installed.join("package.json"), |file| {
        file["version"].as_str()
    });
    if found.is_ok_and(|found| found == wanted) {
        return Ok(());
    }
    let mut npm = process::command("npm", what);
    npm.args(["--ignore-scripts", "--no-audit", "--no-fund"]);
    npm.current_dir(folder());
    let shown = process::shown(&npm);
    console::say(format_args!(
        "installing {package} {wanted} in audit: {shown}"
    ));
    Process::start(&mut npm)?.succeed().await
}

fn version(path: &Path, find: impl Fn(&Value) -> Option<&str>) -> Result<String, Error> {
    let failed = |cause: &str| Error::Failed(format!("{}: {cause}", path.display()));
    let text = fs::read_to_string(path).map_err(|cause| failed(&cause.to_string()))?;
    let file = serde_json::from_str(&text).map_err(|cause| failed(&cause.to_string()))?;
    let version = find(&file).ok_or_else(|| failed("no version"))?;
    Ok(version.to_owned())
}

/// Lets Lighthouse look at the page in `dist`, and returns its report.
async fn examine() -> Result<Value, Error> {
    let failed =
        |cause: &dyn Display| Error::Failed(format!("Lighthouse cannot look at the page: {cause}"));
    let site = Site::start(&root().join("dist"), "/", None)
        .await
        .map_err(|cause| failed(&cause))?;
    let echo = Server::bind(echo::Options {
        port: 0,
        log: false,
        ..echo::Options::default()
    })
    .await?;
    let query = format!("url=ws://{}", echo.local_addr());
    let report = NamedTempFile::new().map_err(|cause| failed(&cause))?;

    // A browser of ours: one that Lighthouse starts would live on when this is interrupted.
    let session = Session::start(Browser::Chromium, &[]).await?;
    let program = folder().join("node_modules/lighthouse/cli/index.js");
    let mut lighthouse = process::command("node", [&program]);
    lighthouse
        .arg(site.address("127.0.0.1", &query))
        .args(["--quiet", "--output=json"])
        .arg(format!("--output-path={}", report.path().display()))
        .arg(format!("--port={}", session.devtools_port()?));
    console::say(process::shown(&lighthouse));
    let examined = Process::start(&mut lighthouse)?;
    tokio::select! {
        examined = examined.succeed() => examined?,
        () = echo.run(pending()) => {}
    }
    let text = fs::read_to_string(&report).map_err(|cause| failed(&cause))?;
    serde_json::from_str(&text).map_err(|cause| failed(&cause))
}

/// Prints the scores of a report and what was found.
fn judge(report: &Value) -> Result<(), Error> {
    let mut below = Vec::new();
    for (category, must_be_perfect) in CATEGORIES {
        let result = &report["categories"][category];
        let score = result["score"].as_f64().unwrap_or(0.0);
        console::say(format_args!("{score:>6.2}  {category}"));
        for audit in result["auditRefs"].as_array().into_iter().flatten() {
            let weighs = audit["weight"].as_f64() > Some(0.0);
            let audit = &report["audits"][audit["id"].as_str().unwrap_or_default()];
            if weighs && audit["score"].as_f64().is_some_and(|score| score < 1.0) {
                console::say(format_args!("        {}: {}", audit["id"], audit["title"]));
                for item in audit["details"]["items"].as_array().into_iter().flatten() {
                    console::say(format_args!("          {item}"));
                }
            }
        }
        if must_be_perfect && score < 1.0 {
            below.push(category);
        }
    }
    if below.is_empty() {
        Ok(())
    } else {
        Err(Error::Failed(format!("below 1.00: {}", below.join(", "))))
    }
}

fn folder() -> PathBuf {
    root().join("audit")
}

/// Lighthouse's categories, and whether each must be perfect. Performance depends on the machine.
const CATEGORIES: [(&str, bool); 4] = [
    ("accessibility", true),
    ("best-practices", true),
    ("seo", true),
    ("performance", false),
];

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_score_below_the_best_fails_and_is_named() {
        let report = |seo| {
            let perfect = json!({ "score": 1, "auditRefs": [] });
            json!({
                "categories": {
                    "accessibility": perfect,
                    "best-practices": perfect,
                    "seo": { "score": seo, "auditRefs": [{ "id": "title", "weight": 1 }] },
                    "performance": { "score": 0.5, "auditRefs": [] },
                },
                "audits": { "title": { "id": "title", "score": seo } },
            })
        };

        assert_eq!(judge(&report(1.0)), Ok(()));
        let failed = judge(&report(0.9)).unwrap_err().to_string();
        assert_eq!(failed, "below 1.00: seo");
        assert!(judge(&json!({})).is_err());
    }

    #[test]
    fn the_lock_file_names_no_registry() {
        let lock = fs::read_to_string(folder().join("package-lock.json")).unwrap();

        assert!(!lock.contains("\"resolved\""));
    }
}
