//! One request to another server, and its short answer; redirects are not followed. `healthcheck` and
//! `doctor` ask by it, and traces are handed over by it.
//!
//! Must not know who asks for what. It never serves a request of somebody else, so no address here
//! is chosen by a stranger.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::anyhow;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper::header::{ACCEPT, HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, lookup_host};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{
    CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature,
};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
};

use crate::config::Config;

/// How long a step may take.
pub const PATIENCE: Duration = Duration::from_secs(4);
/// More than the JWKS or a problem ever has.
const MAX_BODY: usize = 64 * 1024;

/// What came back.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// The body.
    pub body: Bytes,
}

/// Asks the server that listens, or should, at this address of this machine.
pub async fn get_here(config: &Config, address: SocketAddr, path: &str) -> anyhow::Result<Answer> {
    let stream = connect(address).await?;
    let authority = address.to_string();
    if !config.has_tls() {
        return get(stream, &authority, path).await;
    }
    let connector = TlsConnector::from(Arc::new(of_this_machine()?));
    let starting = timeout(PATIENCE, connector.connect(address.ip().into(), stream)).await;
    let stream = starting.map_err(|_| too_late())??;
    get(stream, &authority, path).await
}

/// Connects, in time.
pub async fn connect(address: SocketAddr) -> anyhow::Result<TcpStream> {
    let connecting = timeout(PATIENCE, TcpStream::connect(address)).await;
    Ok(connecting.map_err(|_| too_late())??)
}

/// Connects to the first address of a name that takes the connection, in time with each.
pub async fn connect_to(host: &str, port: u16) -> anyhow::Result<TcpStream> {
    let host = host.trim_matches(['[', ']']);
    connect_to_one_of(lookup_host((host, port)).await?).await
}

async fn connect_to_one_of(
    addresses: impl Iterator<Item = SocketAddr>,
) -> anyhow::Result<TcpStream> {
    let mut fault = anyhow!("the name has no address");
    for address in addresses {
        match connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => fault = error,
        }
    }
    Err(fault)
}

/// Asks over an open connection. `authority` is host and port as the URL has them.
pub async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    authority: &str,
    path: &str,
) -> anyhow::Result<Answer> {
    let request = Request::get(path)
        .header(HOST, authority)
        .header(ACCEPT, "application/json")
        .body(Bytes::new())?;
    let asking = timeout(PATIENCE, exchange(stream, request)).await;
    let (head, body) = asking.map_err(|_| too_late())??.into_parts();
    let status = head.status.as_u16();
    Ok(Answer { status, body })
}

/// One request over an open connection, as it stands but for our name, and its answer. The time that
/// it may take is the caller's to say.
pub async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Bytes>,
) -> anyhow::Result<Response<Bytes>> {
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
    // Ends with this set, whatever the other side does.
    let mut driver = JoinSet::new();
    driver.spawn(connection);
    let mut request = request.map(Full::new);
    let agent = HeaderValue::from_static(concat!("doorward/", env!("CARGO_PKG_VERSION")));
    request.headers_mut().insert(USER_AGENT, agent);
    let (head, body) = sender.send_request(request).await?.into_parts();
    let body = Limited::new(body, MAX_BODY).collect().await;
    let body = body.map_err(|error| anyhow!("{error}"))?.to_bytes();
    Ok(Response::from_parts(head, body))
}

/// What is needed to speak TLS as a client: the system's root certificates.
pub struct Tls {
    connector: TlsConnector,
    verifier: Arc<WebPkiServerVerifier>,
}

impl Tls {
    /// Reads the root certificates.
    pub fn new() -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let roots = Arc::new(roots);
        let provider: Arc<CryptoProvider> = ring::default_provider().into();
        let verifier =
            WebPkiServerVerifier::builder_with_provider(roots.clone(), provider.clone()).build()?;
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            connector: TlsConnector::from(Arc::new(config)),
            verifier,
        })
    }

    /// Starts TLS; the certificate must bear the host's name.
    pub async fn start(
        &self,
        stream: TcpStream,
        host: &str,
    ) -> anyhow::Result<TlsStream<TcpStream>> {
        let name = server_name(host)?;
        let starting = timeout(PATIENCE, self.connector.connect(name, stream)).await;
        Ok(starting.map_err(|_| too_late())??)
    }

    /// Whether the certificate that was shown is still good at that time.
    pub fn is_good_at(&self, stream: &TlsStream<TcpStream>, host: &str, at: UnixTime) -> bool {
        let (_, session) = stream.get_ref();
        let (Some([first, rest @ ..]), Ok(name)) = (session.peer_certificates(), server_name(host))
        else {
            return false;
        };
        self.verifier
            .verify_server_cert(first, rest, &name, &[], at)
            .is_ok()
    }
}

fn too_late() -> anyhow::Error {
    anyhow!("no answer within {} s", PATIENCE.as_secs())
}

/// For a server on this machine, whose certificate bears another name, and may be about to change:
/// it is told no secret and asked for none, so any certificate will do.
fn of_this_machine() -> anyhow::Result<ClientConfig> {
    let provider: Arc<CryptoProvider> = ring::default_provider().into();
    let any = AnyCertificate(provider.clone());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(any))
        .with_no_client_auth())
}

/// Whose it is does not matter; that the server has its key does.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.0.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}

fn server_name(host: &str) -> anyhow::Result<ServerName<'static>> {
    Ok(ServerName::try_from(
        host.trim_matches(['[', ']']).to_owned(),
    )?)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn an_address_that_takes_nobody_is_passed_over() {
        let gone = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let closed = gone.local_addr().unwrap();
        drop(gone);
        let open = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let open = open.local_addr().map(|address| (open, address)).unwrap();
        let stream = connect_to_one_of([closed, open.1].into_iter()).await;
        assert_eq!(stream.unwrap().peer_addr().unwrap(), open.1);
        assert!(connect_to_one_of([closed].into_iter()).await.is_err());
        assert!(connect_to_one_of(std::iter::empty()).await.is_err());
    }
}
