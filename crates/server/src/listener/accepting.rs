//! Accepts connections, bounds them, and lets what runs finish at the end.
//!
//! Whatever a connection waits for, it waits in a task of its own: a slow handshake holds nobody up.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::drain::Phase;
use super::first_bytes::FirstBytes;
use super::tls::Tls;

/// How many connections are open at once (H-05).
pub const MAX_CONNECTIONS: u32 = 4096;
/// How long the headers of a request may take.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// The largest header block, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// The most headers.
const MAX_HEADERS: usize = 100;
/// How long what runs may take to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(30);
/// How long an open connection may still begin a request then. It may be on its way already, and
/// would be lost without a word; its answer says that the connection closes.
const LAST_REQUEST: Duration = Duration::from_secs(1);

/// Where connections come in.
pub struct Door {
    /// Listened on.
    pub sockets: Vec<TcpListener>,
    /// Whose they are.
    pub owner: Owner,
    /// Spoken on all of them; none is plain HTTP.
    pub tls: Option<Arc<Tls>>,
}

/// Whose the sockets are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Owner {
    /// Ours: whoever waits in the queue when they close is refused.
    Us,
    /// The service manager's: whoever waits there is served by the next of us.
    ServiceManager,
}

/// What all connections share.
struct Hall {
    server: auto::Builder<TokioExecutor>,
    router: Router,
    tls: Option<Arc<Tls>>,
    places: Arc<Semaphore>,
    phases: watch::Receiver<Phase>,
}

/// Serves until `phases` say to stop, then until what runs has finished.
pub async fn serve(door: Door, router: Router, phases: watch::Receiver<Phase>) {
    let hall = Arc::new(Hall {
        server: builder(),
        router,
        tls: door.tls,
        places: Arc::new(Semaphore::new(MAX_CONNECTIONS as usize)),
        phases: phases.clone(),
    });
    let mut accepting = JoinSet::new();
    for socket in door.sockets {
        accepting.spawn(accept(hall.clone(), socket, door.owner));
    }
    while let Some(ended) = accepting.join_next().await {
        if let Err(error) = ended {
            tracing::error!(%error, "a socket is no longer listened on");
        }
    }
    let all_gone = tokio::time::timeout(DRAIN, hall.places.acquire_many(MAX_CONNECTIONS));
    tokio::select! {
        gone = all_gone => if gone.is_err() {
            tracing::warn!("some requests did not finish in time");
        },
        () = Phase::Over.reached(&phases) => {
            tracing::warn!("told to stop at once; what still ran was cut off");
        }
    }
}

/// One socket.
async fn accept(hall: Arc<Hall>, socket: TcpListener, owner: Owner) {
    loop {
        // A place first: while all are taken, the next connection waits in the system's queue.
        let accepting = async {
            let place = hall.places.clone().acquire_owned().await;
            let place = place.expect("the places are never closed");
            (place, socket.accept().await)
        };
        tokio::select! {
            biased;
            () = Phase::Stopping.reached(&hall.phases) => break,
            (place, accepted) = accepting => match accepted {
                Ok((stream, peer)) => hall.welcome(stream, peer, place),
                Err(error) => {
                    // Out of file descriptors, most likely: a pause lets some come back.
                    tracing::error!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
    }
    if owner == Owner::Us {
        hall.empty_queue(socket);
    }
}

impl Hall {
    fn welcome(self: &Arc<Self>, socket: TcpStream, peer: SocketAddr, place: OwnedSemaphorePermit) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%error, "answers may wait for more");
        }
        let hall = self.clone();
        tokio::spawn(async move {
            match &hall.tls {
                None => hall.serve(socket, peer).await,
                Some(tls) => match tls.accept(socket).await {
                    Ok(stream) => hall.serve(stream, peer).await,
                    Err(error) => tracing::debug!(%error, "a TLS handshake failed"),
                },
            }
            drop(place);
        });
    }

    async fn serve<S>(self: &Arc<Self>, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let hall = self.clone();
        let service = service_fn(move |request| hall.clone().answer(request, peer));
        let stream = TokioIo::new(FirstBytes::within(HEADER_TIMEOUT, stream));
        let mut connection = std::pin::pin!(self.server.serve_connection(stream, service));
        let outcome = tokio::select! {
            outcome = connection.as_mut() => outcome,
            () = self.time_to_leave() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        if let Err(error) = outcome {
            tracing::debug!(error, "a connection broke off");
        }
    }

    async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<Response<axum::body::Body>, Infallible> {
        let version = request.version();
        request.extensions_mut().insert(ConnectInfo(peer));
        let router = self.router.clone();
        let answer = router.oneshot(request.map(axum::body::Body::new)).await;
        let mut answer = answer.unwrap_or_else(|never| match never {});
        // HTTP/2 says it in a frame, when the time has come.
        if *self.phases.borrow() > Phase::Serving && version <= Version::HTTP_11 {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        Ok(answer)
    }

    /// When a connection on which nothing runs is closed.
    async fn time_to_leave(&self) {
        Phase::Stopping.reached(&self.phases).await;
        tokio::time::sleep(LAST_REQUEST).await;
    }

    /// Takes in who was let into the queue before it closes.
    fn empty_queue(self: &Arc<Self>, socket: TcpListener) {
        let Ok(socket) = socket.into_std() else {
            return;
        };
        while let Ok(place) = self.places.clone().try_acquire_owned() {
            let Ok((stream, peer)) = socket.accept() else {
                return;
            };
            let is_ready = stream.set_nonblocking(true);
            match is_ready.and_then(|()| TcpStream::from_std(stream)) {
                Ok(stream) => self.welcome(stream, peer, place),
                Err(error) => tracing::debug!(%error, "a connection was lost"),
            }
        }
    }
}

fn builder() -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(100)
        // A body has at most 64 KiB: no stream buffers more, and no connection more than a few.
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        .max_header_list_size(MAX_HEADER_BYTES as u32)
        .keep_alive_interval(Some(Duration::from_secs(30)));
    builder
}
