//! A plain static host, for the built page.

use std::future::ready;
use std::io;
use std::net::Ipv4Addr;
use std::path::Path;

use axum::Router;
use axum::http::{HeaderValue, header};
use axum::middleware::map_response;
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tower_http::services::ServeDir;

/// Files served on a free port of this machine until the value is dropped.
#[derive(Debug)]
pub struct Site {
    port: u16,
    prefix: String,
    server: JoinHandle<()>,
}

impl Site {
    /// Serves `directory` under `prefix`, which begins and ends with a slash, and nothing else;
    /// a `policy` is sent as the content security policy of every answer.
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
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
        let port = listener.local_addr()?.port();
        let server = tokio::spawn(async move {
            // Ends with the task alone: `axum::serve` answers accept errors by trying again.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self {
            port,
            prefix: prefix.to_owned(),
            server,
        })
    }

    /// The port on 127.0.0.1.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.port
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
