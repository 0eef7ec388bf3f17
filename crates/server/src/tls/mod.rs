//! TLS 1.2 and 1.3 by rustls, for HTTP/1.1 and HTTP/2.
//!
//! This file does handshakes and does not know where a certificate comes from: [`TlsServer::replace`] sets the certificate
//! for new handshakes; open connections continue with theirs. `certificate` reads certificate files, `certificate_reload`
//! reloads them, `dev_certificate` creates a self-signed pair.

#[cfg(test)]
mod captured_logs;
pub mod certificate;
pub mod certificate_reload;
pub mod dev_certificate;

use std::io;
use std::sync::{Arc, PoisonError, RwLock};

use anyhow::Context;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio_rustls::rustls::version::{TLS12, TLS13};
use tokio_rustls::server::TlsStream;

use crate::listener::lingering_close::LingeringClose;

/// The content type of a TLS handshake record, the first byte of a TLS connection.
const HANDSHAKE_RECORD: u8 = 0x16;
/// The response to a plain HTTP request, with the headers of H-11.
const USE_HTTPS: &str = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nCache-Control: no-store\r\nContent-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 62\r\nCross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\n\r\nThis port uses HTTPS: begin the address with https:// instead\n";

/// Accepts TLS connections.
pub struct TlsServer {
    current: RwLock<Arc<ServerConfig>>,
}

impl TlsServer {
    /// Uses this certificate.
    pub fn new(certificate: CertifiedKey) -> anyhow::Result<Self> {
        let config = RwLock::new(config(certificate)?);
        Ok(Self { current: config })
    }

    /// Uses this certificate for new handshakes. Sessions of the previous one are not resumed, so returning
    /// clients get the new certificate too.
    pub fn replace(&self, certificate: CertifiedKey) -> anyhow::Result<()> {
        let config = config(certificate)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = config;
        Ok(())
    }

    /// Does the handshake. The caller sets the time limit. A plain HTTP request gets a hint as a response.
    pub async fn accept(&self, socket: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let mut first = [0];
        if socket.peek(&mut first).await? == 1 && first[0] != HANDSHAKE_RECORD {
            if first[0].is_ascii_alphabetic() {
                let mut socket = LingeringClose::new(socket);
                socket.write_all(USE_HTTPS.as_bytes()).await?;
                socket.shutdown().await?;
            }
            return Err(io::Error::new(io::ErrorKind::InvalidData, "not TLS"));
        }
        TlsAcceptor::from(self.current()).accept(socket).await
    }

    fn current(&self) -> Arc<ServerConfig> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        current.clone()
    }
}

fn config(certificate: CertifiedKey) -> anyhow::Result<Arc<ServerConfig>> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .context("cannot set up TLS")?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certificate)));
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use doorward_domain::memory::SeededRandom;
    use jiff::Timestamp;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;

    use super::*;
    use crate::tls::dev_certificate;

    fn tls() -> TlsServer {
        let folder = tempfile::tempdir().unwrap();
        let now = Timestamp::constant(1_800_000_000, 0);
        dev_certificate::ensure(folder.path(), now, &SeededRandom::new(1)).unwrap();
        let pair = dev_certificate::files(folder.path()).load().unwrap();
        TlsServer::new(pair.certified).unwrap()
    }

    async fn connection() -> (TcpStream, TcpStream) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap());
        let (client, accepted) = tokio::join!(client, listener.accept());
        (client.unwrap(), accepted.unwrap().0)
    }

    #[tokio::test]
    async fn a_plain_http_request_gets_a_hint_and_other_bytes_get_nothing() {
        let tls = tls();
        for (sent, gets_hint) in [
            (&b"GET / HTTP/1.1\r\n\r\n"[..], true),
            (b"\0\x01\x02", false),
        ] {
            let (mut client, server) = connection().await;
            client.write_all(sent).await.unwrap();
            let mut received = String::new();
            let reading = async {
                client.read_to_string(&mut received).await.ok();
                // The server reads until the client closes.
                drop(client);
            };
            let (rejected, ()) = tokio::join!(tls.accept(server), reading);
            assert_eq!(rejected.unwrap_err().kind(), io::ErrorKind::InvalidData);
            assert_eq!(received, if gets_hint { USE_HTTPS } else { "" });
        }
        let (head, body) = USE_HTTPS.split_once("\r\n\r\n").unwrap();
        assert!(head.contains(&format!("Content-Length: {}\r\n", body.len())));
    }
}
