//! A static host whose files lie compressed in memory, so that it costs a measurement nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use brotli::enc::BrotliEncoderParams;
use flate2::Compression;
use flate2::write::GzEncoder;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::site::LINKS_ALLOWED;
use crate::{Error, size};

/// The files of a built page, as they are and compressed.
#[derive(Clone, Debug)]
pub struct Content(Arc<BTreeMap<String, File>>);

/// One file of a page.
#[derive(Clone, Debug)]
pub struct File {
    /// Its bytes.
    pub plain: Vec<u8>,
    /// The same under `brotli -q 11`.
    pub brotli: Vec<u8>,
    /// The size under `gzip -9`.
    pub gzip: usize,
}

impl Content {
    /// Reads what the page in this directory loads, and compresses it.
    ///
    /// # Errors
    ///
    /// If there is no page, or a file cannot be read.
    pub fn of(directory: &Path) -> Result<Self, Error> {
        let failed = |cause: &dyn fmt::Display| {
            Error::Failed(format!("{} cannot be read: {cause}", directory.display()))
        };
        let files = size::files(directory).map_err(|cause| failed(&cause))?;
        let mut content = BTreeMap::new();
        for (path, plain) in size::loaded(files) {
            let file = File::compressed(plain).map_err(|cause| failed(&cause))?;
            content.insert(path, file);
        }
        if content.is_empty() {
            return Err(failed(&"there is no index.html"));
        }
        Ok(Self(Arc::new(content)))
    }

    /// The files, by their path.
    #[must_use]
    pub fn files(&self) -> &BTreeMap<String, File> {
        &self.0
    }
}

impl File {
    fn compressed(plain: Vec<u8>) -> io::Result<Self> {
        let params = BrotliEncoderParams {
            quality: 11,
            ..BrotliEncoderParams::default()
        };
        let mut brotli = Vec::new();
        brotli::BrotliCompress(&mut plain.as_slice(), &mut brotli, &params)?;
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&plain)?;
        let gzip = gzip.finish()?.len();
        Ok(Self {
            plain,
            brotli,
            gzip,
        })
    }
}

/// A [`Content`] served on a free port of this machine until the value is dropped, to pages that trust
/// links: the trials are set up by them.
///
/// Its pages are isolated from other origins: that gives them a clock of 5 µs instead of 100 µs.
#[derive(Debug)]
pub struct Host {
    port: u16,
    server: JoinHandle<()>,
}

impl Host {
    /// Serves `content`.
    ///
    /// # Errors
    ///
    /// If no port can be had.
    pub async fn start(content: &Content) -> Result<Self, Error> {
        let failed = |cause| Error::Failed(format!("the host cannot listen: {cause}"));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await;
        let listener = listener.map_err(failed)?;
        let port = listener.local_addr().map_err(failed)?.port();
        let router = Router::new().fallback(answer).with_state(content.clone());
        let server = tokio::spawn(async move {
            // Ends with the task alone: `axum::serve` answers accept errors by trying again.
            let _ = axum::serve(listener, router).await;
        });
        Ok(Self { port, server })
    }

    /// The address of the page, opened with `query`.
    #[must_use]
    pub fn address(&self, query: &str) -> String {
        format!("http://127.0.0.1:{}/?{query}", self.port)
    }

    /// The address of a page that holds as many frames, in each of which the page is opened with
    /// `query`.
    #[must_use]
    pub fn frames(&self, count: u32, query: &str) -> String {
        format!("http://127.0.0.1:{}{FRAMES}?{query}#{count}", self.port)
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(content): State<Content>, request: Request) -> Response {
    let path = request.uri().path();
    let name = match path.trim_start_matches('/') {
        "" => "index.html",
        name => name,
    };
    let accepted = request.headers().get(header::ACCEPT_ENCODING);
    let takes_brotli = accepted
        .and_then(|accepted| accepted.to_str().ok())
        .is_some_and(|accepted| accepted.split(", ").any(|one| one == "br"));
    let mut response = if path == FRAMES {
        typed(FRAMES_PAGE.as_bytes().to_vec(), "text/html")
    } else {
        match content.0.get(name) {
            None => StatusCode::NOT_FOUND.into_response(),
            Some(_) if name == "config.json" => {
                typed(LINKS_ALLOWED.as_bytes().to_vec(), media_type(name))
            }
            Some(file) if takes_brotli => {
                let mut response = typed(file.brotli.clone(), media_type(name));
                let encoding = HeaderValue::from_static("br");
                response
                    .headers_mut()
                    .insert(header::CONTENT_ENCODING, encoding);
                response
            }
            Some(file) => typed(file.plain.clone(), media_type(name)),
        }
    };
    for (name, value) in ISOLATION {
        let name = HeaderName::from_static(name);
        response
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    response
}

fn typed(body: Vec<u8>, media_type: &'static str) -> Response {
    ([(header::CONTENT_TYPE, media_type)], body).into_response()
}

fn media_type(name: &str) -> &'static str {
    match name.rsplit_once('.').map(|(_, extension)| extension) {
        Some("html") => "text/html",
        Some("js") => "text/javascript",
        Some("css") => "text/css",
        Some("wasm") => "application/wasm",
        Some("json" | "webmanifest") => "application/json",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

const ISOLATION: [(&str, &str); 2] = [
    ("cross-origin-opener-policy", "same-origin"),
    ("cross-origin-embedder-policy", "require-corp"),
];

const FRAMES: &str = "/frames";

const FRAMES_PAGE: &str = "<!doctype html>
<title>Frames</title>
<link rel=\"icon\" href=\"data:,\">
<body>
<script>
  for (let number = 0; number < Number(location.hash.slice(1)); number += 1) {
    const frame = document.createElement('iframe');
    frame.src = './' + location.search;
    document.body.append(frame);
  }
</script>
";

#[cfg(test)]
mod tests {
    use std::fs;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    #[tokio::test]
    async fn files_are_sent_compressed_to_who_takes_that() {
        let folder = tempfile::tempdir().unwrap();
        let page = "<p>".repeat(1000);
        fs::write(folder.path().join("index.html"), &page).unwrap();
        let content = Content::of(folder.path()).unwrap();
        let host = Host::start(&content).await.unwrap();

        let file = &content.files()["index.html"];
        assert!(file.brotli.len() < 100 && file.gzip < 100);
        let (head, body) = get(&host, "gzip, br").await;
        assert!(head.contains("content-encoding: br"), "{head}");
        assert_eq!(body, file.brotli);
        let (head, body) = get(&host, "gzip").await;
        assert!(!head.contains("content-encoding"), "{head}");
        assert_eq!(body, page.as_bytes());
    }

    async fn get(host: &Host, encodings: &str) -> (String, Vec<u8>) {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, host.port))
            .await
            .unwrap();
        let request = format!(
            "GET / HTTP/1.1\r\nhost: here\r\naccept-encoding: {encodings}\r\nconnection: close\r\n\r\n"
        );
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
        let body = answer.split_off(end.unwrap() + 4);
        (String::from_utf8(answer).unwrap(), body)
    }
}
