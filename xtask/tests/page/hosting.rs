use std::fs;
use std::net::Ipv4Addr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use xtask::browser::Browser;
use xtask::hosts::{self, CADDY, NGINX, NGINX_TYPES};
use xtask::leash::Leash;

use super::server::{Manner, Server};
use super::visit::{Visit, dist};
use super::{SOON, eventually};

#[tokio::test]
#[ignore = "needs nginx: cargo xtask soak hosting"]
async fn nginx_hosts_the_page_with_the_file_of_the_docs() {
    let server = Server::start(Manner::Echo);
    let (_nginx, port) = nginx("nginx", &server, "10m").await;

    hosts_the_page(port, &server, "gzip").await;
}

/// nginx counts what goes to the server, too: heartbeats that nobody answers are enough.
#[tokio::test]
#[ignore = "needs nginx: cargo xtask soak hosting"]
async fn heartbeats_keep_a_connection_that_a_proxy_would_end() {
    let server = Server::start(Manner::Silent);
    let (_nginx, port) = nginx("nginx-idle", &server, "3s").await;
    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let page = format!("http://127.0.0.1:{port}/heartwire/?url=/ws&retry=false");

    visit.go(&format!("{page}&heartbeat=off")).await;
    visit.agrees().await;
    visit.reaches(&["gaveUp"]).await;

    visit
        .go(&format!("{page}&heartbeat=1s&heartbeat_mode=always"))
        .await;
    visit.reaches(&["open"]).await;
    server
        .until_within(2 * SOON, "three times the limit has passed", |all| {
            all[1].frames.len() >= 9
        })
        .await;
    assert_eq!(visit.datum("state").await, "open");
}

#[tokio::test]
#[ignore = "needs Caddy: cargo xtask soak hosting"]
async fn caddy_hosts_the_page_with_the_file_of_the_docs() {
    let server = Server::start(Manner::Echo);
    let port = free_port().await;
    let folder = folder("caddy");
    let config = configuration(
        "docs/Caddyfile",
        &[
            ("example.com {", &format!("http://127.0.0.1:{port} {{")),
            ("root * /srv", &format!("root * {}", folder.display())),
            ("127.0.0.1:8080", &format!("127.0.0.1:{}", server.port())),
        ],
    );
    let file = folder.join("Caddyfile");
    fs::write(&file, format!("{{\nadmin off\n}}\n{config}")).unwrap();
    let program = hosts::find(CADDY).unwrap_or_else(|error| panic!("{error}"));
    let home = format!("HOME={}", folder.display());
    let words = [
        home.as_ref(),
        program.as_os_str(),
        "run".as_ref(),
        "--adapter".as_ref(),
        "caddyfile".as_ref(),
        "--config".as_ref(),
        file.as_os_str(),
    ];
    let _caddy = Leash::start("env", words).unwrap();
    answers(port).await;

    hosts_the_page(port, &server, "br").await;
}

/// Starts nginx with the file of the docs before a `server`, bearing `silence`; returns its port.
async fn nginx(name: &str, server: &Server, silence: &str) -> (Leash, u16) {
    let port = free_port().await;
    let folder = folder(name);
    let config = configuration(
        "docs/nginx.conf",
        &[
            ("listen 80;", &format!("listen 127.0.0.1:{port};")),
            ("root /srv;", &format!("root {};", folder.display())),
            ("127.0.0.1:8080", &format!("127.0.0.1:{}", server.port())),
            (
                "proxy_read_timeout 10m",
                &format!("proxy_read_timeout {silence}"),
            ),
        ],
    );
    let types = hosts::find(NGINX_TYPES).unwrap_or_else(|error| panic!("{error}"));
    let config = format!(
        "daemon off; master_process off; pid nginx.pid; error_log error.log; events {{}}
         http {{
             access_log off; client_body_temp_path body; proxy_temp_path proxy;
             fastcgi_temp_path fastcgi; scgi_temp_path scgi; uwsgi_temp_path uwsgi;
             default_type application/octet-stream; include {}; {config}
         }}",
        types.display()
    );
    let file = folder.join("nginx.conf");
    fs::write(&file, config).unwrap();
    let program = hosts::find(NGINX).unwrap_or_else(|error| panic!("{error}"));
    let words = [
        program.as_os_str(),
        "-p".as_ref(),
        folder.as_os_str(),
        "-e".as_ref(),
        "error.log".as_ref(),
        "-c".as_ref(),
        file.as_os_str(),
    ];
    let nginx = Leash::start("env", words).unwrap();
    answers(port).await;
    (nginx, port)
}

/// What a host has to do, with the page under `/heartwire/` and the `server` behind `/ws`.
async fn hosts_the_page(port: u16, server: &Server, compression: &str) {
    let page = get(port, "/heartwire/", "").await;
    assert!(page.starts_with("http/1.1 200 "), "{page}");
    for header in [
        "content-type: text/html",
        "cache-control: no-cache",
        "content-security-policy: frame-ancestors 'none'",
        "x-content-type-options: nosniff",
        "referrer-policy: no-referrer",
    ] {
        assert!(page.contains(header), "no {header}: {page}");
    }
    for file in fs::read_dir(dist()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        let (kind, cache) = match name.rsplit_once('.') {
            Some((_, "wasm")) => ("application/wasm", FOREVER),
            Some((_, "css")) => ("text/css", FOREVER),
            Some((_, "js")) if name != "search.js" => ("javascript", FOREVER),
            Some((_, "js")) => ("javascript", "no-cache"),
            Some((_, "json")) => ("application/json", "no-cache"),
            Some((_, "webmanifest")) => ("application/manifest+json", "no-cache"),
            Some(_) | None => continue,
        };
        let path = format!("/heartwire/{name}");
        let file = get(port, &path, "Accept-Encoding: gzip, br\r\n").await;
        let is_kind = file
            .lines()
            .any(|line| line.starts_with("content-type: ") && line.contains(kind));
        assert!(is_kind, "{name}: {file}");
        assert!(
            file.contains(&format!("cache-control: {cache}\r\n")),
            "{name}: {file}"
        );
        let encoding = format!("content-encoding: {compression}\r\n");
        let is_compressed = file.contains(&encoding) || cache != FOREVER;
        assert!(is_compressed, "{name}: {file}");
    }

    let handshake = |origin: &str| {
        format!(
            "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
             Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nOrigin: {origin}\r\n"
        )
    };
    let stranger = get(port, "/ws", &handshake("http://example.test")).await;
    assert!(stranger.starts_with("http/1.1 403 "), "{stranger}");
    assert!(server.connections().is_empty());

    let visit = Visit::before(Browser::Chromium, &[], "/", None).await;
    let address = format!("http://127.0.0.1:{port}/heartwire/?url=/ws");
    visit.go(&address).await;
    visit.agrees().await;
    visit.types("through the host").await;
    visit.shows("through the host").await;
    let shown = visit.session.console().await.unwrap();
    assert_eq!(shown, serde_json::json!([]), "the console");
}

async fn answers(port: u16) {
    eventually("the host answers", SOON, async || {
        let connected = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).await;
        connected.ok().map(drop)
    })
    .await;
}

/// The headers of an answer, in lower case.
async fn get(port: u16, path: &str, headers: &str) -> String {
    let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
        .await
        .unwrap();
    // HTTP/1.1 with a connection that stays open: a switch of protocols has no end.
    let request = format!("GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{headers}\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let head = String::from_utf8_lossy(&answer);
        if let Some((head, _)) = head.split_once("\r\n\r\n") {
            return format!("{head}\r\n").to_lowercase();
        }
        assert_ne!(
            stream.read_buf(&mut answer).await.unwrap(),
            0,
            "{path} has no answer"
        );
    }
}

/// A configuration of the repository, with `changes` to what differs from host to host.
fn configuration(path: &str, changes: &[(&str, &str)]) -> String {
    let mut config = fs::read_to_string(xtask::root().join(path)).unwrap();
    for (from, to) in changes {
        assert_eq!(config.matches(from).count(), 1, "{from}");
        config = config.replace(from, to);
    }
    config
}

/// A folder for a host, with the page in it.
fn folder(name: &str) -> PathBuf {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).unwrap();
    symlink(dist(), folder.join("heartwire")).unwrap();
    folder
}

async fn free_port() -> u16 {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    listener.local_addr().unwrap().port()
}

const FOREVER: &str = "public, max-age=31536000, immutable";
