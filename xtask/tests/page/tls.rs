use std::net::Ipv4Addr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

/// TLS before a server of this machine, with a certificate that nobody has signed.
pub(crate) struct Tls {
    port: u16,
    task: JoinHandle<()>,
}

impl Tls {
    /// Takes connections on a free port, and passes on to `port` what they say.
    pub(crate) async fn before(port: u16) -> Self {
        let own = rcgen::generate_simple_self_signed(["example.test".to_owned()]).unwrap();
        let key = PrivateKeyDer::Pkcs8(own.signing_key.serialize_der().into());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![own.cert.into()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let own_port = listener.local_addr().unwrap().port();
        let task = tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                tokio::spawn(async move {
                    // Browsers open connections that they do not use.
                    let Ok(mut open) = acceptor.accept(stream).await else {
                        return;
                    };
                    let mut server = TcpStream::connect((Ipv4Addr::LOCALHOST, port))
                        .await
                        .unwrap();
                    let _ = copy_bidirectional(&mut open, &mut server).await;
                });
            }
        });
        Self {
            port: own_port,
            task,
        }
    }

    /// The port on 127.0.0.1.
    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}

impl Drop for Tls {
    fn drop(&mut self) {
        self.task.abort();
    }
}
