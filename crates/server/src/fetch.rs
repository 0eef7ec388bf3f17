//! An HTTP client for short responses: `healthcheck` and `doctor` query servers with it, and traces are sent with
//! it. It does not follow redirects. No URL here is chosen by a client of the server.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::anyhow;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, HeaderValue, USER_AGENT};
use hyper::{Request, Response};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HyperClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use tokio::time::timeout;
use tokio_rustls::rustls::client::WebPkiServerVerifier;
use tokio_rustls::rustls::client::danger::{
    HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier,
};
use tokio_rustls::rustls::crypto::{CryptoProvider, ring};
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use tokio_rustls::rustls::{
    ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme, crypto,
};

/// Time limit of a connection attempt.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(4);
/// Time limit of a request.
const TIMEOUT: Duration = Duration::from_secs(8);
/// Maximum size of a response body: more than a JWKS or a problem document has.
const MAX_BODY: usize = 64 * 1024;

/// The client. Every request has a separate connection.
#[derive(Clone)]
pub struct HttpsClient {
    client: HyperClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
    verifier: Arc<CertificateVerifier>,
}

impl HttpsClient {
    /// Verifies certificates with the root certificates of the system. Fails if there are none.
    pub fn new() -> anyhow::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        let roots =
            WebPkiServerVerifier::builder_with_provider(roots.into(), provider()).build()?;
        Self::with_roots(Some(roots))
    }

    /// Accepts any certificate: the one of a server on this machine is issued for another name. Such a server
    /// gets no secret and returns none.
    pub fn for_this_machine() -> anyhow::Result<Self> {
        Self::with_roots(None)
    }

    fn with_roots(roots: Option<Arc<WebPkiServerVerifier>>) -> anyhow::Result<Self> {
        let verifier = Arc::new(CertificateVerifier {
            roots,
            provider: provider(),
            expires_soon: AtomicBool::new(false),
        });
        let tls = ClientConfig::builder_with_provider(provider())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier.clone())
            .with_no_client_auth();
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls)
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        let client = HyperClient::builder(TokioExecutor::new())
            .pool_max_idle_per_host(0)
            .build(connector);
        Ok(Self { client, verifier })
    }

    /// Sends a GET request.
    pub async fn get(&self, url: &str) -> anyhow::Result<Response<Bytes>> {
        let request = Request::get(url)
            .header(ACCEPT, "application/json")
            .body(Bytes::new())?;
        self.send(request).await
    }

    /// Sends a request.
    pub async fn send(&self, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let mut request = request.map(Full::new);
        let agent = HeaderValue::from_static(concat!("doorward/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(USER_AGENT, agent);
        let exchange = async {
            let (head, body) = self.client.request(request).await?.into_parts();
            let body = Limited::new(body, MAX_BODY).collect().await;
            let body = body.map_err(|error| anyhow!(error))?.to_bytes();
            Ok(Response::from_parts(head, body))
        };
        match timeout(TIMEOUT, exchange).await {
            Ok(response) => response,
            Err(_) => Err(anyhow!("no response within {} s", TIMEOUT.as_secs())),
        }
    }

    /// Returns `true` if a certificate of a server expires within [`RENEWAL_WINDOW`].
    ///
    /// [`RENEWAL_WINDOW`]: crate::tls::certificate::RENEWAL_WINDOW
    pub fn saw_expiring_certificate(&self) -> bool {
        self.verifier.expires_soon.load(Ordering::Relaxed)
    }
}

fn provider() -> Arc<CryptoProvider> {
    ring::default_provider().into()
}

/// Verifies the certificate of a server, and whether it will soon expire.
#[derive(Debug)]
struct CertificateVerifier {
    /// `None` accepts any certificate.
    roots: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
    expires_soon: AtomicBool,
}

impl ServerCertVerifier for CertificateVerifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        chain: &[CertificateDer<'_>],
        name: &ServerName<'_>,
        ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(roots) = &self.roots else {
            return Ok(ServerCertVerified::assertion());
        };
        let verified = roots.verify_server_cert(certificate, chain, name, ocsp, now)?;
        let renewal = crate::tls::certificate::RENEWAL_WINDOW
            .as_secs()
            .unsigned_abs();
        let soon = UnixTime::since_unix_epoch(Duration::from_secs(now.as_secs() + renewal));
        if roots
            .verify_server_cert(certificate, chain, name, ocsp, soon)
            .is_err()
        {
            self.expires_soon.store(true, Ordering::Relaxed);
        }
        Ok(verified)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        crypto::verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        let algorithms = &self.provider.signature_verification_algorithms;
        algorithms.supported_schemes()
    }
}
