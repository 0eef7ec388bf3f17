//! Accepts connections, serves them with hyper, and waits for requests in flight at the end.
//!
//! Each connection and each HTTP/2 request is a task of [`Tasks`], so that a shutdown can wait for all of them and
//! abort the remaining ones.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::Context;
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use doorward_web::RequestRejection;
use hyper::body::Incoming;
use hyper::header::{CONNECTION, HeaderValue};
use hyper::rt::Executor;
use hyper::service::service_fn;
use hyper::{Request, Response, Version};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use rustix::io::Errno;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, sleep_until, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use super::limits::{ConnectionLimits, Full, Limiter, OncePerMinute, RejectReason, Slot};
use super::lingering_close::LingeringClose;
use super::shutdown::Phase;
use crate::tls::TlsServer;

/// The time limit for the first request header of a connection (H-05). A later header shares the keep-alive
/// time: a client that sends half of it holds no more than an idle client does.
const HEADER_TIMEOUT: Duration = Duration::from_secs(10);
/// Maximum idle time of a connection without a request in flight. A response is read within this time, too.
const KEEP_ALIVE: Duration = Duration::from_secs(75);
/// The time limit for the client to close after a graceful shutdown of its connection.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for TCP data that the client does not acknowledge.
#[cfg(target_os = "linux")]
const UNACKNOWLEDGED_TIMEOUT_MS: u32 = 30_000;
/// The largest HTTP/1 header block, and the largest HTTP/2 header list, in bytes (H-05).
const MAX_HEADER_BYTES: usize = 16 * 1024;
const MAX_HEADER_LIST: u32 = 16 * 1024;
/// HTTP/2: requests in flight per connection, and reset requests that are not yet cleaned up (H-05).
const MAX_STREAMS: u32 = 100;
const MAX_RESET_STREAMS: usize = 20;
/// Requests in flight, in all and per address. One HTTP/2 connection has up to 100 of them, so a limit of
/// connections alone does not bound memory: a request body has up to 64 KiB.
const MAX_REQUESTS: usize = 2048;
const MAX_REQUESTS_PER_ADDRESS: usize = 256;
/// Pause after a failed `accept`, for example because file descriptors ran out.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// The time limit for requests in flight when the server stops.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(30);
/// Time for which open connections still accept requests then. A request may already be in flight; its response
/// contains `Connection: close`.
const LATE_REQUEST_GRACE: Duration = Duration::from_secs(1);

/// Input of [`serve`].
pub struct Listener {
    /// Listening sockets.
    pub sockets: Vec<TcpListener>,
    /// Process that opened them.
    pub owner: SocketOwner,
    /// If set, all sockets use TLS.
    pub tls: Option<Arc<TlsServer>>,
    /// Maximum numbers of connections.
    pub limits: ConnectionLimits,
    /// Receives metrics.
    pub observer: Option<Arc<dyn ConnectionObserver>>,
}

/// Process that opened the sockets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SocketOwner {
    /// This process. Connections that wait in the queue when it stops would be refused.
    Process,
    /// The service manager. Connections in the queue wait for the next process.
    ServiceManager,
}

/// Receives metrics about connections.
pub trait ConnectionObserver: Send + Sync {
    /// A connection was opened.
    fn opened(&self);
    /// A connection was closed.
    fn closed(&self);
    /// A connection or request was rejected.
    fn rejected(&self, reason: RejectReason);
}

/// Serves until `phases` reaches [`Phase::Stopping`], then until requests in flight are finished, for at most
/// [`SHUTDOWN_TIMEOUT`] or until [`Phase::Aborting`].
///
/// Fails if a socket is no longer accepted from.
pub async fn serve(
    mut listener: Listener,
    router: Router,
    phases: watch::Receiver<Phase>,
) -> anyhow::Result<()> {
    let (sockets, owner) = (std::mem::take(&mut listener.sockets), listener.owner);
    let server = Arc::new(Server::new(listener, router, phases.clone()));
    let mut accepting = JoinSet::new();
    for socket in sockets {
        accepting.spawn(server.clone().accept(socket, owner));
    }
    while let Some(ended) = accepting.join_next().await {
        ended.context("a listening socket failed")?;
    }
    let tasks = &server.tasks;
    tasks.tracker.close();
    let finished = async {
        if timeout(LATE_REQUEST_GRACE, tasks.tracker.wait())
            .await
            .is_err()
        {
            server.stopping.cancel();
            tasks.tracker.wait().await;
        }
    };
    tokio::select! {
        finished = timeout(SHUTDOWN_TIMEOUT, finished) => if finished.is_err() {
            tracing::warn!("shutdown timeout reached: aborted requests in flight");
        },
        () = Phase::Aborting.wait_for(&phases) => {
            tracing::warn!("forced shutdown: aborted requests in flight");
        }
    }
    // The caller closes the stores next, so no request may run on.
    tasks.abort.cancel();
    tasks.tracker.wait().await;
    Ok(())
}

/// Returns `true` if `accept` failed because of the one connection that it would have returned.
fn is_connection_error(error: &io::Error) -> bool {
    // accept(2) also passes on network errors that are pending on the new socket.
    let network = [
        Errno::PROTO,
        Errno::NOPROTOOPT,
        Errno::NETDOWN,
        Errno::NETUNREACH,
        Errno::HOSTDOWN,
        Errno::HOSTUNREACH,
    ];
    let kinds = [
        io::ErrorKind::ConnectionAborted,
        io::ErrorKind::ConnectionReset,
        io::ErrorKind::ConnectionRefused,
        io::ErrorKind::TimedOut,
    ];
    kinds.contains(&error.kind())
        || Errno::from_io_error(error).is_some_and(|errno| network.contains(&errno))
}

/// Tasks that a shutdown waits for, and can abort.
#[derive(Clone, Default)]
struct Tasks {
    tracker: TaskTracker,
    abort: CancellationToken,
}

impl Tasks {
    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let task = self.abort.clone().run_until_cancelled_owned(task);
        self.tracker.spawn(task);
    }
}

impl<F: Future<Output = ()> + Send + 'static> Executor<F> for Tasks {
    fn execute(&self, task: F) {
        self.spawn(task);
    }
}

/// Shared state of all connections.
struct Server {
    http: auto::Builder<Tasks>,
    tasks: Tasks,
    router: Router,
    tls: Option<Arc<TlsServer>>,
    limits: ConnectionLimits,
    connections: Arc<Limiter>,
    requests: Arc<Limiter>,
    observer: Option<Arc<dyn ConnectionObserver>>,
    rejection_log: OncePerMinute,
    accept_log: OncePerMinute,
    phases: watch::Receiver<Phase>,
    /// Cancelled when connections are to be closed.
    stopping: CancellationToken,
}

impl Server {
    fn new(listener: Listener, router: Router, phases: watch::Receiver<Phase>) -> Self {
        let tasks = Tasks::default();
        let limits = listener.limits;
        Self {
            http: http(tasks.clone()),
            tasks,
            router,
            tls: listener.tls,
            connections: Limiter::new(limits.connections, limits.connections_per_address),
            requests: Limiter::new(MAX_REQUESTS, MAX_REQUESTS_PER_ADDRESS),
            limits,
            observer: listener.observer,
            rejection_log: OncePerMinute::default(),
            accept_log: OncePerMinute::default(),
            phases,
            stopping: CancellationToken::new(),
        }
    }

    async fn accept(self: Arc<Self>, socket: TcpListener, owner: SocketOwner) {
        loop {
            tokio::select! {
                biased;
                () = Phase::Stopping.wait_for(&self.phases) => break,
                accepted = socket.accept() => match accepted {
                    Ok((stream, peer)) => self.start(stream, peer),
                    Err(error) if is_connection_error(&error) => {
                        tracing::debug!(%error, "connection closed before accept");
                    }
                    Err(error) => {
                        if self.accept_log.is_due() {
                            tracing::error!(%error, "cannot accept connections; retrying (logged once a minute). If file descriptors ran out, raise LimitNOFILE= or `ulimit -n`");
                        }
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        if owner == SocketOwner::Process {
            self.accept_queued(socket);
        }
    }

    /// Accepts the connections that the kernel has queued before the socket is closed.
    fn accept_queued(self: &Arc<Self>, socket: TcpListener) {
        let Ok(socket) = socket.into_std() else {
            return;
        };
        while let Ok((stream, peer)) = socket.accept() {
            let nonblocking = stream.set_nonblocking(true);
            match nonblocking.and_then(|()| TcpStream::from_std(stream)) {
                Ok(stream) => self.start(stream, peer),
                Err(error) => tracing::debug!(%error, "failed to take over a queued connection"),
            }
        }
    }

    /// Starts a task for the connection, or closes it if a limit is reached.
    fn start(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr) {
        let slot = match self.connections.acquire(self.limits.key(peer.ip())) {
            Ok(slot) => slot,
            Err(Full::Total) => return self.rejected(RejectReason::Limit),
            Err(Full::Address) => return self.rejected(RejectReason::AddressLimit),
        };
        let open = Open::new(self.observer.clone(), slot);
        if let Err(error) = set_options(&stream) {
            tracing::debug!(%error, "failed to set socket options");
        }
        let server = self.clone();
        self.tasks.spawn(async move {
            let address = open.slot.address();
            match &server.tls {
                None => server.serve(stream, peer, address).await,
                Some(tls) => match timeout(HEADER_TIMEOUT, tls.accept(stream)).await {
                    Ok(Ok(stream)) => server.serve(stream, peer, address).await,
                    Ok(Err(error)) => tracing::debug!(%error, "TLS handshake failed"),
                    Err(_) => server.rejected(RejectReason::Timeout),
                },
            }
            drop(open);
        });
    }

    /// Serves the requests of one connection.
    async fn serve<S>(self: &Arc<Self>, stream: S, peer: SocketAddr, address: Option<Arc<str>>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let activity = Activity::new();
        let (server, begun) = (self.clone(), activity.clone());
        let service = service_fn(move |request| {
            let in_flight = begun.begin();
            let response = server.clone().respond(request, peer, address.clone());
            async move {
                let response = response.await;
                drop(in_flight);
                response
            }
        });
        let connection = self
            .http
            .serve_connection(TokioIo::new(LingeringClose::new(stream)), service);
        let mut connection = std::pin::pin!(connection);
        tokio::select! {
            result = connection.as_mut() => return log_end(result),
            () = activity.idle(KEEP_ALIVE) => {
                if !activity.has_begun() {
                    return self.rejected(RejectReason::Timeout);
                }
            }
            () = self.stopping.cancelled() => {}
        }
        // Closes an idle HTTP/1 connection, and sends GOAWAY on HTTP/2. Requests in flight are finished.
        connection.as_mut().graceful_shutdown();
        tokio::select! {
            result = connection => log_end(result),
            () = activity.idle(CLOSE_TIMEOUT) => {}
        }
    }

    async fn respond(
        self: Arc<Self>,
        mut request: Request<Incoming>,
        peer: SocketAddr,
        address: Option<Arc<str>>,
    ) -> Result<Response<Body>, Infallible> {
        let version = request.version();
        request.extensions_mut().insert(ConnectInfo(peer));
        let slot = self.requests.acquire(address);
        if slot.is_err() {
            self.rejected(RejectReason::RequestLimit);
            request
                .extensions_mut()
                .insert(RequestRejection::Overloaded);
        }
        let response = self.router.clone().oneshot(request.map(Body::new)).await;
        let mut response = response.unwrap_or_else(|never| match never {});
        // HTTP/2 uses GOAWAY instead.
        if *self.phases.borrow() > Phase::Serving && version <= Version::HTTP_11 {
            let close = HeaderValue::from_static("close");
            response.headers_mut().insert(CONNECTION, close);
        }
        drop(slot);
        Ok(response)
    }

    fn rejected(&self, reason: RejectReason) {
        if let Some(observer) = &self.observer {
            observer.rejected(reason);
        }
        if reason != RejectReason::Timeout && self.rejection_log.is_due() {
            tracing::warn!(
                reason = reason.as_str(),
                connections.open = self.connections.in_use(),
                "connection or request limit reached: some were rejected (logged once a minute). See `limits.connections` and `limits.connections_per_address`; behind a proxy, set `trusted_proxies`"
            );
        }
    }
}

/// An open connection, counted until it is dropped.
struct Open {
    slot: Slot,
    observer: Option<Arc<dyn ConnectionObserver>>,
}

impl Open {
    fn new(observer: Option<Arc<dyn ConnectionObserver>>, slot: Slot) -> Self {
        if let Some(observer) = &observer {
            observer.opened();
        }
        Self { slot, observer }
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        if let Some(observer) = &self.observer {
            observer.closed();
        }
    }
}

/// The requests in flight of one connection.
#[derive(Clone)]
struct Activity(Arc<Mutex<ActivityState>>);

struct ActivityState {
    begun: bool,
    in_flight: usize,
    /// When the last request ended, or the connection began.
    idle_since: Instant,
}

struct InFlight(Activity);

impl Activity {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(ActivityState {
            begun: false,
            in_flight: 0,
            idle_since: Instant::now(),
        })))
    }

    fn state(&self) -> MutexGuard<'_, ActivityState> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begin(&self) -> InFlight {
        let mut state = self.state();
        state.begun = true;
        state.in_flight += 1;
        InFlight(self.clone())
    }

    fn has_begun(&self) -> bool {
        self.state().begun
    }

    /// Returns when no request has been in flight for `limit` since the call, or for [`HEADER_TIMEOUT`] before
    /// the first one. Requests do not wake it: it looks when the time would be up.
    async fn idle(&self, limit: Duration) {
        let called = Instant::now();
        loop {
            let deadline = {
                let state = self.state();
                match (state.in_flight, state.begun) {
                    (0, true) => state.idle_since.max(called) + limit,
                    (0, false) => called + limit.min(HEADER_TIMEOUT),
                    _ => Instant::now() + limit,
                }
            };
            if deadline <= Instant::now() {
                return;
            }
            sleep_until(deadline).await;
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.in_flight -= 1;
        state.idle_since = Instant::now();
    }
}

/// Sends small responses at once, and closes a connection whose client acknowledges nothing.
fn set_options(stream: &TcpStream) -> io::Result<()> {
    stream.set_nodelay(true)?;
    #[cfg(target_os = "linux")]
    rustix::net::sockopt::set_tcp_user_timeout(stream, UNACKNOWLEDGED_TIMEOUT_MS)?;
    Ok(())
}

fn log_end(result: Result<(), Box<dyn std::error::Error + Send + Sync>>) {
    if let Err(error) = result {
        tracing::debug!(error, "connection error");
    }
}

fn http(tasks: Tasks) -> auto::Builder<Tasks> {
    let mut builder = auto::Builder::new(tasks);
    builder
        .http1()
        .timer(TokioTimer::new())
        // hyper's timer also runs between two requests, and would close idle connections after 10 s.
        .header_read_timeout(None)
        .max_buf_size(MAX_HEADER_BYTES)
        .max_headers(doorward_web::MAX_FIELDS);
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
mod tests;
