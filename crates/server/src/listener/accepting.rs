//! Accepts connections, bounds them, and lets what runs finish at the end.
//!
//! Whatever a connection waits for, it waits in a task of its own: a slow handshake holds nobody up.
//! All these tasks are [`Tasks`] of the listener, and none outlives it.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;
use tower::ServiceExt;

use super::drain::Phase;
use super::first_bytes::FirstBytes;
use super::shortage::{self, Shortage};
use super::tasks::Tasks;
use super::tls::Tls;
use super::unread;

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
    server: auto::Builder<Tasks>,
    tasks: Tasks,
    router: Router,
    tls: Option<Arc<Tls>>,
    places: Arc<Semaphore>,
    phases: watch::Receiver<Phase>,
}

/// Serves until `phases` say to stop, then until what runs has finished. What has not in its time, or
/// by the time that nobody waits for it any more, is cut off. That a socket is no longer listened on
/// is an error: whatever else goes on, nobody comes in.
pub async fn serve(
    door: Door,
    router: Router,
    phases: watch::Receiver<Phase>,
) -> anyhow::Result<()> {
    let tasks = Tasks::default();
    let hall = Arc::new(Hall {
        server: builder(tasks.clone()),
        tasks: tasks.clone(),
        router,
        tls: door.tls,
        places: Arc::new(Semaphore::new(MAX_CONNECTIONS as usize)),
        phases: phases.clone(),
    });
    let mut accepting = JoinSet::new();
    for socket in door.sockets {
        accepting.spawn(accept(hall.clone(), socket, door.owner));
    }
    let mut outcome = Ok(());
    while let Some(ended) = accepting.join_next().await
        && outcome.is_ok()
    {
        outcome = ended.context("a socket is no longer listened on");
    }
    let left = match &outcome {
        Ok(()) => hall.left_over(&phases).await,
        Err(_) => None,
    };
    // Before anything that they use is closed.
    tasks.end().await;
    if let Some(left) = left {
        tracing::warn!("{left}");
    }
    outcome
}

/// One socket.
async fn accept(hall: Arc<Hall>, socket: TcpListener, owner: Owner) {
    let mut shortage = Shortage::default();
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
                Ok((stream, peer)) => {
                    shortage.accepted();
                    hall.welcome(stream, peer, place);
                }
                Err(error) => {
                    shortage.failed(&error);
                    tokio::time::sleep(shortage::PAUSE).await;
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
        self.tasks.spawn(async move {
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
        let (request, unread) = unread::lend(request);
        let answer = self.router.clone().oneshot(request).await;
        let mut answer = answer.unwrap_or_else(|never| match never {});
        unread.take_in(&self.tasks);
        // HTTP/2 says it in a frame, when the time has come.
        if *self.phases.borrow() > Phase::Serving && version <= Version::HTTP_11 {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        Ok(answer)
    }

    /// Waits until all have gone, as long as may be; what is to be said of those that have not.
    async fn left_over(&self, phases: &watch::Receiver<Phase>) -> Option<&'static str> {
        let all_gone = self.places.acquire_many(MAX_CONNECTIONS);
        tokio::select! {
            gone = tokio::time::timeout(DRAIN, all_gone) => match gone {
                Ok(_) => None,
                Err(_) => Some("some requests did not finish in time; they were cut off"),
            },
            () = Phase::Over.reached(phases) => {
                Some("told to stop at once; what still ran was cut off")
            }
        }
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

fn builder(tasks: Tasks) -> auto::Builder<Tasks> {
    let mut builder = auto::Builder::new(tasks);
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

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;

    use super::*;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    async fn door() -> (Door, SocketAddr) {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let door = Door {
            sockets: vec![socket],
            owner: Owner::Us,
            tls: None,
        };
        (door, address)
    }

    #[tokio::test]
    async fn whoever_waits_in_the_queue_when_it_closes_is_answered() {
        let (door, address) = door().await;
        let mut client = TcpStream::connect(address).await.unwrap();
        client.write_all(REQUEST).await.unwrap();
        let (_phases, phase) = watch::channel(Phase::Stopping);
        let router = Router::new().route("/", get(async || "here"));
        serve(door, router, phase).await.unwrap();
        let mut answer = String::new();
        client.read_to_string(&mut answer).await.unwrap();
        assert!(answer.ends_with("here"), "{answer}");
    }

    /// A handler that is told of by what it drops when it is cut off.
    fn endless(began: oneshot::Sender<()>, held: oneshot::Sender<()>) -> Router {
        let parts = Arc::new(std::sync::Mutex::new(Some((began, held))));
        let handler = async move || {
            let (began, _held) = parts.lock().unwrap().take().unwrap();
            began.send(()).unwrap();
            std::future::pending::<&str>().await
        };
        Router::new().route("/", get(handler))
    }

    /// In both kinds of HTTP: a stream of HTTP/2 is a task of its own.
    #[tokio::test]
    async fn what_runs_when_it_is_over_runs_no_longer() {
        // The preface, settings, and a request for / by the names of the static table.
        let mut second = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
        second.extend(b"\0\0\x06\x01\x05\0\0\0\x01\x82\x84\x86\x41\x01x");
        for request in [REQUEST.to_vec(), second] {
            let (door, address) = door().await;
            let (phases, phase) = watch::channel(Phase::Serving);
            let (began, has_begun) = oneshot::channel();
            let (held, let_go) = oneshot::channel();
            let serving = tokio::spawn(serve(door, endless(began, held), phase));
            let mut client = TcpStream::connect(address).await.unwrap();
            client.write_all(&request).await.unwrap();
            has_begun.await.unwrap();
            phases.send_replace(Phase::Over);
            serving.await.unwrap().unwrap();
            let mut let_go = let_go;
            let now = let_go.try_recv();
            assert_eq!(now, Err(oneshot::error::TryRecvError::Closed));
        }
    }
}
