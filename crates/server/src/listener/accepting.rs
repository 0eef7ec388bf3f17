//! Accepts connections, bounds them, and lets what runs finish at the end.
//!
//! Whatever a connection waits for, it waits in a task of its own: a slow handshake holds nobody up.
//! All these tasks are [`Tasks`] of the listener, and none outlives it. What one of them has asked the router to change
//! may: who closes what that uses waits for it.

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
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tower::ServiceExt;

use super::drain::Phase;
use super::gate::{Conversation, Gate};
use super::head::Refusal;
use super::refusing::{Refusing, Telling};
use super::seat::{Patience, Seat};
use super::seats::{Limits, Seats, Watch};
use super::shortage::{self, Shortage};
use super::socket::{self, Sever};
use super::tasks::Tasks;
use super::tls::Tls;
use super::unread;
use super::visiting;

/// How long the head of a request may take (H-05).
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// hyper's own limits, for what the gate has let pass: never met first.
const MAX_HEADER_BYTES: usize = 32 * 1024;
const MAX_HEADERS: usize = 128;
/// The largest header list of HTTP/2, in bytes (H-05).
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// How many requests one connection of HTTP/2 has at once, and how many of those that it takes back
/// may wait to be cleared away (H-05).
const MAX_STREAMS: u32 = 100;
const MAX_RESET_STREAMS: usize = 20;
/// How long what runs may take to finish when the server stops.
const DRAIN: Duration = Duration::from_secs(30);
/// How long an open connection may still begin a request then. It may be on its way already, and
/// would be lost without a word; its answer says that the connection closes.
const LAST_REQUEST: Duration = Duration::from_secs(1);
/// How long a client may take to go that was told to.
const FAREWELL: Duration = Duration::from_secs(5);
/// How soon to accept again once somebody has made room.
const ROOM_PAUSE: Duration = Duration::from_millis(5);

/// Where connections come in.
pub struct Door {
    /// Listened on.
    pub sockets: Vec<TcpListener>,
    /// Whose they are.
    pub owner: Owner,
    /// Spoken on all of them; none is plain HTTP.
    pub tls: Option<Arc<Tls>>,
    /// How many are let in.
    pub limits: Limits,
    /// What somebody is told for whom there is no place.
    pub turned_away: Telling,
    /// What somebody is told who speaks plain HTTP where TLS is spoken.
    pub plain_http: Telling,
    /// Told how many there are.
    pub watch: Option<Arc<dyn Watch>>,
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
    plain_http: Telling,
    seats: Arc<Seats>,
    refusing: Refusing,
    phases: watch::Receiver<Phase>,
}

/// Serves until `phases` say to stop, then until what runs has finished. What has not in its time, or
/// by the time that nobody waits for it any more, is cut off. That a socket is no longer listened on
/// is an error: whatever else goes on, nobody comes in.
pub async fn serve(
    mut door: Door,
    router: Router,
    phases: watch::Receiver<Phase>,
) -> anyhow::Result<()> {
    let (sockets, owner) = (std::mem::take(&mut door.sockets), door.owner);
    let hall = Arc::new(Hall::behind(door, router, phases.clone()));
    let mut accepting = JoinSet::new();
    for socket in sockets {
        accepting.spawn(accept(hall.clone(), socket, owner));
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
    // Before anything that they use is closed; see above for what they have begun.
    hall.tasks.end().await;
    if let Some(left) = left {
        tracing::warn!("{left}");
    }
    outcome
}

/// One socket.
async fn accept(hall: Arc<Hall>, socket: TcpListener, owner: Owner) {
    let mut shortage = Shortage::default();
    loop {
        tokio::select! {
            biased;
            () = Phase::Stopping.reached(&hall.phases) => break,
            accepted = socket.accept() => match accepted {
                Ok((stream, peer)) => {
                    shortage.accepted();
                    hall.welcome(stream, peer);
                }
                Err(error) if shortage::is_of_one(&error) => {
                    tracing::debug!(%error, "a connection was gone before it was accepted");
                }
                Err(error) => {
                    shortage.failed(&error);
                    let pause = match shortage::is_of_files(&error) && hall.seats.make_room() {
                        true => ROOM_PAUSE,
                        false => shortage::PAUSE,
                    };
                    tokio::time::sleep(pause).await;
                }
            },
        }
    }
    if owner == Owner::Us {
        hall.empty_queue(socket);
    }
}

impl Hall {
    fn behind(door: Door, router: Router, phases: watch::Receiver<Phase>) -> Self {
        let tasks = Tasks::default();
        Self {
            server: builder(tasks.clone()),
            tasks,
            router,
            refusing: Refusing::new(door.turned_away, door.tls.is_some()),
            tls: door.tls,
            plain_http: door.plain_http,
            seats: Seats::new(door.limits, door.watch),
            phases,
        }
    }

    fn welcome(self: &Arc<Self>, socket: TcpStream, peer: SocketAddr) {
        if let Err(error) = socket::bound(&socket) {
            tracing::debug!(%error, "a connection could not be bounded");
        }
        let Ok(seat) = self.seats.take(peer.ip()) else {
            self.refusing.turn_away(socket, &self.tasks);
            return;
        };
        let hall = self.clone();
        self.tasks.spawn(async move {
            match &hall.tls {
                None => hall.serve(socket, peer, seat).await,
                Some(tls) => {
                    let shaken = tokio::select! {
                        shaken = tls.accept(socket, &hall.plain_http) => shaken,
                        () = seat.sent_off() => return,
                    };
                    match shaken {
                        Ok(stream) => hall.serve(stream, peer, seat).await,
                        Err(error) => {
                            if error.kind() == std::io::ErrorKind::TimedOut {
                                seat.was_slow();
                            }
                            tracing::debug!(%error, "a TLS handshake failed");
                        }
                    }
                }
            }
        });
    }

    async fn serve<S>(self: &Arc<Self>, stream: S, peer: SocketAddr, seat: Seat)
    where
        S: AsyncRead + AsyncWrite + Sever + Unpin + Send + 'static,
    {
        let gate = Gate::new(stream, HEADER_TIMEOUT, seat.clone());
        let visitor = Arc::new(Visitor {
            peer,
            seat: seat.clone(),
            conversation: gate.conversation(),
        });
        let hall = self.clone();
        let service = service_fn(move |request| hall.clone().answer(request, visitor.clone()));
        let connection = self.server.serve_connection(TokioIo::new(gate), service);
        let mut connection = std::pin::pin!(connection);
        let mut leaving = std::pin::pin!(self.time_to_leave());
        let (mut is_leaving, mut told_at) = (false, None);
        loop {
            let look_again = match (seat.patience(is_leaving), told_at) {
                (Patience::Until(at), _) => at,
                (Patience::Idle, None) => {
                    connection.as_mut().graceful_shutdown();
                    *told_at.insert(Instant::now()) + FAREWELL
                }
                (Patience::Idle, Some(at)) if at + FAREWELL > Instant::now() => at + FAREWELL,
                (Patience::Idle, Some(_)) => return,
                (Patience::Stalled, _) => {
                    tracing::info!("an answer was not read in its time; the connection was closed");
                    return seat.was_slow();
                }
            };
            tokio::select! {
                outcome = connection.as_mut() => {
                    if let Err(error) = outcome {
                        tracing::debug!(error, "a connection broke off");
                    }
                    return;
                }
                () = seat.sent_off() => return,
                () = leaving.as_mut(), if !is_leaving => {
                    is_leaving = true;
                    connection.as_mut().graceful_shutdown();
                }
                () = sleep_until(look_again) => {}
            }
        }
    }

    async fn answer(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        visitor: Arc<Visitor>,
    ) -> Result<Response<axum::body::Body>, Infallible> {
        let version = request.version();
        let visit = visitor.seat.begin();
        let (going, refused) = visitor.conversation.begin();
        let refused = refused.or_else(|| visit.is_none().then_some(Refusal::Overloaded));
        let extensions = request.extensions_mut();
        extensions.insert(ConnectInfo(visitor.peer));
        if let Some(refusal) = refused {
            extensions.insert(refusal);
        }
        let (request, unread) = unread::lend(request);
        let (request, visit) = visiting::receive(request, visit);
        let answer = self.router.clone().oneshot(request).await;
        let mut answer = answer.unwrap_or_else(|never| match never {});
        unread.take_in(&self.tasks);
        // HTTP/2 says it in a frame, when the time has come.
        if *self.phases.borrow() > Phase::Serving && version <= Version::HTTP_11 {
            let close = HeaderValue::from_static("close");
            answer.headers_mut().insert(CONNECTION, close);
        }
        Ok(visit.send_off(answer, version, going))
    }

    /// Waits until all have gone, as long as may be; what is to be said of those that have not.
    async fn left_over(&self, phases: &watch::Receiver<Phase>) -> Option<&'static str> {
        tokio::select! {
            gone = tokio::time::timeout(DRAIN, self.seats.empty()) => match gone {
                Ok(()) => None,
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
        while let Ok((stream, peer)) = socket.accept() {
            let is_ready = stream.set_nonblocking(true);
            match is_ready.and_then(|()| TcpStream::from_std(stream)) {
                Ok(stream) => self.welcome(stream, peer),
                Err(error) => tracing::debug!(%error, "a connection was lost"),
            }
        }
    }
}

/// Who is on a connection, for all its requests.
struct Visitor {
    peer: SocketAddr,
    seat: Seat,
    conversation: Conversation,
}

fn builder(tasks: Tasks) -> auto::Builder<Tasks> {
    let mut builder = auto::Builder::new(tasks);
    builder
        .http1()
        .timer(TokioTimer::new())
        // The gate has one of its own, which does not count the time between two requests.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(MAX_HEADERS);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(MAX_STREAMS)
        .max_pending_accept_reset_streams(MAX_RESET_STREAMS)
        // A body has at most 64 KiB: no stream buffers more, and no connection more than a few.
        .initial_stream_window_size(64 * 1024)
        .initial_connection_window_size(256 * 1024)
        .max_header_list_size(MAX_HEADER_LIST)
        .keep_alive_interval(Some(Duration::from_secs(30)));
    builder
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::sync::oneshot;

    use super::*;
    use crate::listener::crowd::Why;

    const REQUEST: &[u8] = b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";

    async fn door() -> (Door, SocketAddr) {
        let socket = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        let door = Door {
            sockets: vec![socket],
            owner: Owner::Us,
            tls: None,
            limits: Limits {
                connections: 10,
                per_address: 10,
                trusted: "".parse().unwrap(),
            },
            turned_away: Arc::new(String::new),
            plain_http: Arc::new(String::new),
            watch: None,
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

    #[derive(Default)]
    struct Told(std::sync::Mutex<Vec<Why>>);

    impl Watch for Told {
        fn open(&self, _: usize) {}

        fn turned_away(&self, why: Why) {
            self.0.lock().unwrap().push(why);
        }
    }

    /// One connection, on which no kernel has a say: time is moved as soon as nobody has anything to do.
    async fn connected(router: Router, told: &Arc<Told>) -> DuplexStream {
        let (mut door, _) = door().await;
        door.watch = Some(told.clone());
        let (phases, phase) = watch::channel(Phase::Serving);
        let hall = Arc::new(Hall::behind(door, router, phase));
        let (client, server) = duplex(64 * 1024);
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 50_000));
        let seat = hall.seats.take(peer.ip()).unwrap();
        tokio::spawn(async move {
            hall.serve(server, peer, seat).await;
            drop(phases);
        });
        client
    }

    /// H-05, T-FLOOD: whoever says nothing, or half a head, is counted when they are sent away.
    #[tokio::test(start_paused = true)]
    async fn who_takes_too_long_over_a_head_is_counted() {
        let half = b"GET / HTTP/1.1\r\n".as_slice();
        let second = [b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", half].concat();
        for said in [b"", half, b"PRI * HTTP/2.0\r\n", &second] {
            let told = Arc::new(Told::default());
            let router = Router::new().route("/", get(async || "here"));
            let mut client = connected(router, &told).await;
            client.write_all(said).await.unwrap();
            let mut answer = Vec::new();
            let _is_hung_up_on = client.read_to_end(&mut answer).await;
            let said = String::from_utf8_lossy(said);
            assert_eq!(*told.0.lock().unwrap(), [Why::Slow], "{said:?}");
        }
    }

    /// H-05, T-FLOOD: in HTTP/2 too, an answer that is not read ends its connection. The client takes one
    /// byte of each, and says that it is still there.
    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_read_ends_its_connection() {
        const PING: u8 = 6;
        // The preface, a window of one byte, and a request for / by the names of the static table.
        let mut said =
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\x06\x04\0\0\0\0\0\0\x04\0\0\0\x01".to_vec();
        said.extend(b"\0\0\x06\x01\x05\0\0\0\x01\x82\x84\x86\x41\x01x");
        let told = Arc::new(Told::default());
        let router = Router::new().route("/", get(async || "a long answer"));
        let mut client = connected(router, &told).await;
        client.write_all(&said).await.unwrap();
        let mut head = [0; 9];
        while client.read_exact(&mut head).await.is_ok() {
            let mut payload = vec![0; usize::from(head[2])];
            let is_there = client.read_exact(&mut payload).await.is_ok();
            if is_there && head[3] == PING && head[4] == 0 {
                head[4] = 1;
                let pong = [head.as_slice(), &payload].concat();
                // It may have been hung up on meanwhile.
                let _ = client.write_all(&pong).await;
            }
        }
        assert_eq!(*told.0.lock().unwrap(), [Why::Slow]);
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
