//! TLS, by rustls: 1.2 and 1.3, for HTTP/1.1 and HTTP/2.
//!
//! Must not know where a certificate comes from, nor when it changes: [`Tls::show`] takes the next
//! one, and handshakes from then on see it. What was agreed on with the old one goes on.

use std::io;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use anyhow::Context;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::server::TlsStream;

/// How long a handshake may take, from the first byte on.
const HANDSHAKE: Duration = Duration::from_secs(10);
/// What somebody is told who speaks plain HTTP here.
const PLAIN_HTTP: &str = "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 64\r\nConnection: close\r\n\r\nThis port speaks HTTPS: begin the address with https:// instead\n";
/// How much of a plain request is read before it is hung up on, and for how long: whoever is hung
/// up on while they write may never see the answer.
const LEFT_TO_READ: u64 = 64 * 1024;
const LEFT_TO_WAIT: Duration = Duration::from_secs(1);
/// What a TLS connection begins with.
const HANDSHAKE_RECORD: u8 = 0x16;

/// What is needed to accept TLS.
pub struct Tls {
    current: RwLock<Arc<ServerConfig>>,
}

impl Tls {
    /// With this certificate.
    pub fn new(certificate: CertifiedKey) -> anyhow::Result<Self> {
        let config = RwLock::new(config(certificate)?);
        Ok(Self { current: config })
    }

    /// From now on with this one. Sessions of the old one are not resumed: whoever comes back meets
    /// the new certificate too.
    pub fn show(&self, certificate: CertifiedKey) -> anyhow::Result<()> {
        let config = config(certificate)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// The handshake, within its time.
    pub async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        timeout(HANDSHAKE, self.shake_hands(socket)).await?
    }

    async fn shake_hands(&self, mut socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        if socket.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD {
            if first[0].is_ascii_alphabetic() {
                tell(&mut socket).await?;
            }
            return Err(io::Error::new(io::ErrorKind::InvalidData, "this is no TLS"));
        }
        TlsAcceptor::from(self.current()).accept(socket).await
    }

    fn current(&self) -> Arc<ServerConfig> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }
}

async fn tell(socket: &mut TcpStream) -> io::Result<()> {
    socket.write_all(PLAIN_HTTP.as_bytes()).await?;
    socket.shutdown().await?;
    let mut rest = socket.take(LEFT_TO_READ);
    let mut nowhere = tokio::io::sink();
    let reading = tokio::io::copy(&mut rest, &mut nowhere);
    timeout(LEFT_TO_WAIT, reading).await??;
    Ok(())
}

fn config(certificate: CertifiedKey) -> anyhow::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .context("TLS cannot be set up")?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certificate)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
