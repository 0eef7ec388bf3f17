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

use super::refusing::Telling;

/// How long a handshake may take, from the moment the connection is there: whoever says nothing has as
/// long.
const HANDSHAKE: Duration = Duration::from_secs(10);
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

    /// The handshake, within its time. Who speaks plain HTTP is told that.
    pub async fn accept(
        &self,
        socket: TcpStream,
        plain_http: &Telling,
    ) -> io::Result<TlsStream<TcpStream>> {
        timeout(HANDSHAKE, self.shake_hands(socket, plain_http)).await?
    }

    async fn shake_hands(
        &self,
        mut socket: TcpStream,
        plain_http: &Telling,
    ) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        if socket.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD {
            if first[0].is_ascii_alphabetic() {
                tell(&mut socket, &plain_http()).await?;
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

async fn tell(socket: &mut TcpStream, answer: &str) -> io::Result<()> {
    socket.write_all(answer.as_bytes()).await?;
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::time::Instant;

    use doorward_domain::memory::SeededSecrets;
    use jiff::Timestamp;
    use tokio::net::TcpListener;

    use super::*;
    use crate::listener::development;

    fn tls() -> Tls {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::constant(1_800_000_000, 0);
        development::ensure(folder.path(), now, &SeededSecrets::new(1)).unwrap();
        let pair = development::files(folder.path()).load().unwrap();
        Tls::new(pair.certified).unwrap()
    }

    fn plain_http() -> Telling {
        Arc::new(|| "speak TLS".to_owned())
    }

    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        (client.unwrap(), accepted.unwrap().0)
    }

    /// H-05: time is moved, so that nobody waits for it.
    #[tokio::test(start_paused = true)]
    async fn whoever_says_nothing_or_stops_half_way_has_ten_seconds() {
        let tls = tls();
        // The beginning of a handshake, and none at all.
        for said in [&[0x16, 3, 1, 2, 0, 1][..], &[]] {
            let (mut client, server) = connection().await;
            client.write_all(said).await.unwrap();
            let (began, really) = (tokio::time::Instant::now(), Instant::now());
            let error = tls.accept(server, &plain_http()).await.unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::TimedOut, "{said:?}");
            assert_eq!(began.elapsed().as_secs(), HANDSHAKE.as_secs());
            assert!(really.elapsed() < HANDSHAKE);
        }
    }

    #[tokio::test]
    async fn whoever_speaks_plain_http_is_told_so_and_whoever_speaks_nothing_known_is_not() {
        let tls = tls();
        for (said, is_told) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], true),
            (b"\0\x01\x02", false),
        ] {
            let (mut client, server) = connection().await;
            client.write_all(said).await.unwrap();
            let mut heard = String::new();
            let listening = async {
                client.read_to_string(&mut heard).await.ok();
                // Else it would be waited for, a second long.
                drop(client);
            };
            let telling = plain_http();
            let (refused, ()) = tokio::join!(tls.accept(server, &telling), listening);
            assert_eq!(refused.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(heard, if is_told { "speak TLS" } else { "" });
        }
    }
}
