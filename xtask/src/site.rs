//! A plain static host, for the built page.

use std::future::{pending, ready};
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::{Next, from_fn_with_state, map_response};
use axum::response::{IntoResponse as _, Response};
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower_http::services::ServeDir;

/// Files served on a free port of this machine until the value is dropped.
#[derive(Debug)]
pub struct Site {
    port: u16,
    prefix: String,
    config: Arc<Mutex<Config>>,
    withheld: watch::Sender<bool>,
    server: JoinHandle<()>,
}

/// What the host answers to who asks for `config.json`.
#[derive(Clone, Debug)]
pub enum Config {
    /// The file that was built.
    Built,
    /// That there is none.
    Missing,
    /// This.
    Text(String),
    /// Nothing, ever.
    Silence,
}

/// A configuration in which links are trusted: most trials are set up by one.
pub const LINKS_ALLOWED: &str = r#"{"url_param": "allow"}"#;

impl Site {
    /// Serves `directory` under `prefix`, which begins and ends with a slash, and nothing else;
    /// a `policy` is sent as the content security policy of every answer. Links are trusted until it is
    /// [configured](Self::configure) otherwise.
    ///
    /// # Errors
    ///
    /// If no port can be had or the policy cannot stand in a header.
    pub async fn start(directory: &Path, prefix: &str, policy: Option<&str>) -> io::Result<Self> {
        let files = ServeDir::new(directory);
        let mut router = match prefix {
            "/" => Router::new().fallback_service(files),
            _ => Router::new().nest_service(prefix, files),
        };
        if let Some(policy) = policy {
            let policy = HeaderValue::from_str(policy).map_err(io::Error::other)?;
            router = router.layer(map_response(move |mut response: Response| {
                response
                    .headers_mut()
                    .insert(header::CONTENT_SECURITY_POLICY, policy.clone());
                ready(response)
            }));
        }
        let config = Config::Text(LINKS_ALLOWED.to_owned());
        let config = Arc::new(Mutex::new(config));
        router = router.layer(from_fn_with_state(Arc::clone(&config), answer_config));
        let withheld = watch::Sender::new(false);
        router = router.layer(from_fn_with_state(withheld.subscribe(), await_module));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let server = tokio::spawn(async move {
            // Ends with the task alone: `axum::serve` answers accept errors by trying again.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            port,
            prefix: prefix.to_owned(),
            config,
            withheld,
            server,
        })
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Answers differently to who asks for `config.json` from now on.
    pub fn configure(&self, config: Config) {
        *self.config.lock().unwrap_or_else(PoisonError::into_inner) = config;
    }

    /// Lets those wait who ask for WebAssembly, or ends that.
    pub fn withhold_module(&self, withheld: bool) {
        self.withheld.send_replace(withheld);
    }

    /// The address of the page, opened with `query`, under a host name that means this machine.
    #[must_use]
    pub fn address(&self, host: &str, query: &str) -> String {
        let mark = if query.is_empty() { "" } else { "?" };
        format!("http://{host}:{}{}{mark}{query}", self.port, self.prefix)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn await_module(
    State(mut withheld): State<watch::Receiver<bool>>,
    request: Request,
    next: Next,
) -> Response {
    if request.uri().path().ends_with("_bg.wasm") {
        // It ends with the host at the latest.
        let _ = withheld.wait_for(|withheld| !withheld).await;
    }
    next.run(request).await
}

async fn answer_config(
    State(config): State<Arc<Mutex<Config>>>,
    request: Request,
    next: Next,
) -> Response {
    if !request.uri().path().ends_with("/config.json") {
        return next.run(request).await;
    }
    let config = config
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .clone();
    match config {
        Config::Built => next.run(request).await,
        Config::Missing => StatusCode::NOT_FOUND.into_response(),
        Config::Text(text) => text.into_response(),
        Config::Silence => pending().await,
    }
}
