//! Clients that send requests continuously while something happens to the server, and count failures.
//!
//! They follow the protocol, no more: a connection is not reused after a response with `Connection: close`, or if
//! it is known to be closed before the request is sent. Every request that was sent without a response is counted,
//! and none is sent twice.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper::header::{CONNECTION, HOST};
use hyper::{Request, Response};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio::task::JoinSet;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// `h2`'s error for a request that the server did not begin, since it sent GOAWAY.
const GONE_AWAY: &str = "GoAway(b\"\", NO_ERROR, Remote)";

/// Pause of a client between two requests. Without one, the clients use all of the CPU, and the server waits for it.
const PAUSE: Duration = Duration::from_millis(5);

/// How a client uses connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionMode {
    /// A new connection for every request.
    NewEachTime,
    /// HTTP/1.1, with requests in sequence on one connection.
    KeepAlive,
    /// HTTP/2, in the same way.
    Http2,
}

/// The requests to send.
#[derive(Clone)]
pub struct Target {
    pub address: SocketAddr,
    pub path: &'static str,
    /// Trusted authority. `None` for plain HTTP.
    pub authority: Option<CertificateDer<'static>>,
}

/// The result of a load.
#[derive(Debug)]
pub struct LoadResult {
    pub answered: u32,
    pub connections: u32,
    pub failed: Vec<String>,
}

/// Running clients. They stop on drop.
pub struct Load {
    runtime: Runtime,
    clients: Mutex<JoinSet<()>>,
    shared: Arc<Shared>,
}

struct Shared {
    target: Target,
    connector: Option<TlsConnector>,
    is_finished: AtomicBool,
    answered: AtomicU32,
    connections: AtomicU32,
    failed: Mutex<Vec<String>>,
    /// Certificates seen so far.
    seen: Mutex<BTreeSet<Vec<u8>>>,
}

/// The first certificate of a PEM file.
pub fn certificate(path: &Path) -> CertificateDer<'static> {
    CertificateDer::from_pem_file(path).unwrap()
}

impl Target {
    pub fn new(address: SocketAddr, path: &'static str) -> Self {
        Self {
            address,
            path,
            authority: None,
        }
    }

    fn connector(&self, mode: Option<ConnectionMode>) -> Option<TlsConnector> {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.clone()?).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        if mode == Some(ConnectionMode::Http2) {
            config.alpn_protocols = vec![b"h2".to_vec()];
        }
        Some(TlsConnector::from(Arc::new(config)))
    }
}

impl Load {
    /// Starts one client for each of these connection modes.
    pub fn start(target: &Target, modes: &[ConnectionMode]) -> Self {
        // One thread: with two, hyper's client can see a GOAWAY between sending a request and checking again, and
        // give up on a response that arrives.
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let shared = Arc::new(Shared {
            target: target.clone(),
            connector: target.connector(None),
            is_finished: AtomicBool::new(false),
            answered: AtomicU32::new(0),
            connections: AtomicU32::new(0),
            failed: Mutex::default(),
            seen: Mutex::default(),
        });
        let mut clients = JoinSet::new();
        for &mode in modes {
            clients.spawn_on(ask_on(shared.clone(), mode), runtime.handle());
        }
        Self {
            runtime,
            clients: Mutex::new(clients),
            shared,
        }
    }

    /// Number of responses so far.
    pub fn answered(&self) -> u32 {
        self.shared.answered.load(Ordering::Relaxed)
    }

    /// Returns `true` if this certificate has been seen.
    pub fn has_seen(&self, certificate: &CertificateDer<'_>) -> bool {
        let seen = self.shared.seen.lock().unwrap();
        seen.contains(certificate.as_ref())
    }

    /// Lets every client finish its request, and returns the result.
    pub fn stop(self) -> LoadResult {
        self.shared.is_finished.store(true, Ordering::Relaxed);
        let mut clients = self.clients.into_inner().unwrap();
        self.runtime
            .block_on(async { while clients.join_next().await.is_some() {} });
        let failed = std::mem::take(&mut *self.shared.failed.lock().unwrap());
        LoadResult {
            answered: self.shared.answered.load(Ordering::Relaxed),
            connections: self.shared.connections.load(Ordering::Relaxed),
            failed,
        }
    }
}

impl LoadResult {
    /// Asserts that there were enough requests, and no failure.
    #[track_caller]
    pub fn expect_no_failure(&self) {
        assert!(self.answered > 50, "{self:?}");
        assert!(self.failed.is_empty(), "{self:?}");
    }
}

enum Sender {
    One(http1::SendRequest<Empty<Bytes>>),
    Two(http2::SendRequest<Empty<Bytes>>),
}

impl Sender {
    /// Returns `true` if the other side has not closed the connection.
    async fn is_open(&mut self) -> bool {
        match self {
            Self::One(sender) => sender.ready().await.is_ok(),
            Self::Two(sender) => sender.ready().await.is_ok(),
        }
    }

    /// Returns `None` if the connection was closed before any of the request was sent, or the server has announced
    /// that it will not begin it (RFC 9113, 6.8): every client may then retry.
    async fn send(
        &mut self,
        request: Request<Empty<Bytes>>,
    ) -> hyper::Result<Option<Response<Incoming>>> {
        let sent = match self {
            Self::One(sender) => sender.try_send_request(request).await,
            Self::Two(sender) => sender.try_send_request(request).await,
        };
        match sent {
            Ok(answer) => Ok(Some(answer)),
            Err(mut error) => match error.take_message() {
                Some(_unsent) => Ok(None),
                None if format!("{:?}", error.error()).contains(GONE_AWAY) => Ok(None),
                None => Err(error.into_error()),
            },
        }
    }
}

async fn ask_on(shared: Arc<Shared>, mode: ConnectionMode) {
    let mut kept: Option<Sender> = None;
    let connector = shared.target.connector(Some(mode));
    while !shared.is_finished.load(Ordering::Relaxed) {
        if let Some(sender) = &mut kept
            && !sender.is_open().await
        {
            kept = None;
        }
        match ask(&shared, mode, connector.as_ref(), kept.take()).await {
            Ok(sender) => kept = sender,
            Err(error) => shared
                .failed
                .lock()
                .unwrap()
                .push(format!("{mode:?}: {error}")),
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn ask(
    shared: &Shared,
    mode: ConnectionMode,
    connector: Option<&TlsConnector>,
    kept: Option<Sender>,
) -> Result<Option<Sender>, Box<dyn std::error::Error + Send + Sync>> {
    let is_kept = kept.is_some();
    let mut sender = match kept {
        Some(sender) => sender,
        None => connect(shared, mode, connector).await?,
    };
    let authority = format!("localhost:{}", shared.target.address.port());
    let request = match mode {
        ConnectionMode::Http2 => Request::get(format!("https://{authority}{}", shared.target.path)),
        ConnectionMode::NewEachTime | ConnectionMode::KeepAlive => {
            Request::get(shared.target.path).header(HOST, authority)
        }
    };
    let describe = |error: hyper::Error| format!("(on a reused connection: {is_kept}) {error:?}");
    let sent = sender.send(request.body(Empty::new())?).await;
    let Some(answer) = sent.map_err(describe)? else {
        return Ok(None);
    };
    let status = answer.status();
    let is_last = answer
        .headers()
        .get(CONNECTION)
        .is_some_and(|value| value == "close");
    answer.into_body().collect().await.map_err(describe)?;
    if status != 200 {
        return Err(format!("answered {status}").into());
    }
    shared.answered.fetch_add(1, Ordering::Relaxed);
    Ok(Some(sender).filter(|_| !is_last && mode != ConnectionMode::NewEachTime))
}

async fn connect(
    shared: &Shared,
    mode: ConnectionMode,
    connector: Option<&TlsConnector>,
) -> Result<Sender, Box<dyn std::error::Error + Send + Sync>> {
    let stream = TcpStream::connect(shared.target.address).await?;
    shared.connections.fetch_add(1, Ordering::Relaxed);
    let Some(connector) = connector.or(shared.connector.as_ref()) else {
        return shake_hands(stream, mode).await;
    };
    let name = ServerName::try_from("localhost")?;
    let stream = connector.connect(name, stream).await?;
    let first = stream
        .get_ref()
        .1
        .peer_certificates()
        .and_then(<[_]>::first);
    let first = first.expect("a server shows one").to_vec();
    shared.seen.lock().unwrap().insert(first);
    shake_hands(stream, mode).await
}

async fn shake_hands<S>(
    stream: S,
    mode: ConnectionMode,
) -> Result<Sender, Box<dyn std::error::Error + Send + Sync>>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let stream = TokioIo::new(stream);
    if mode == ConnectionMode::Http2 {
        let (sender, connection) = http2::handshake(TokioExecutor::new(), stream).await?;
        tokio::spawn(connection);
        return Ok(Sender::Two(sender));
    }
    let (sender, connection) = http1::handshake(stream).await?;
    tokio::spawn(connection);
    Ok(Sender::One(sender))
}
