//! The connection to Redis: opened at the first call, replaced after it fails.
//!
//! A single Redis has one multiplexed connection of the `redis` crate, a Cluster its cluster client.
//! The crate's `ConnectionManager` is not used: it keeps the error of a failed reconnect permanently
//! unless that is an I/O error, and does not reconnect after timeouts (decision 0026).
//!
//! Every call ends within [`CALL_TIMEOUT`]. After a timeout, calls fail at once for [`RETRY_AFTER`], so
//! that a request with several calls is not delayed by each.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Once, PoisonError};
use std::time::Duration;

use doorward_domain::store::StoreError;
use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionInfo, ErrorKind, FromRedisValue, ProtocolVersion,
    PushInfo, PushKind, RedisResult, ServerErrorKind, TlsCertificates, Value,
};
use tokio::time::{Instant, timeout};

use crate::durability;
use crate::fault::RedisFault;
use crate::script::RedisRequest;
use crate::url::RedisUrl;

/// Time limit for opening a connection: name resolution, TLS, login, the nodes of a Cluster.
const OPEN_TIMEOUT: Duration = Duration::from_secs(5);
/// Time limit for a connection to one node of a Cluster.
const NODE_TIMEOUT: Duration = Duration::from_secs(1);
/// Time limit for one reply.
const REPLY_TIMEOUT: Duration = Duration::from_millis(1500);
/// Time limit for a call, including the wait for a connection.
const CALL_TIMEOUT: Duration = Duration::from_secs(2);
/// Time after a timeout in which calls fail at once.
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// Maximum number of redirections that the cluster client follows.
const MAX_REDIRECTIONS: u32 = 4;

/// An open connection to a single Redis or to a Cluster. Clones share it.
#[derive(Clone)]
pub(crate) enum Connection {
    Single {
        connection: MultiplexedConnection,
        is_closed: Arc<AtomicBool>,
    },
    Cluster(ClusterConnection),
}

impl Connection {
    pub(crate) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let value = match self {
            Self::Single { connection, .. } => connection.req_packed_command(command).await?,
            Self::Cluster(connection) => connection.req_packed_command(command).await?,
        };
        value.extract_error()
    }

    /// Returns `true` if the server has closed the connection. A cluster client reconnects by itself.
    fn is_closed(&self) -> bool {
        match self {
            Self::Single { is_closed, .. } => is_closed.load(Ordering::Relaxed),
            Self::Cluster(_) => false,
        }
    }
}

/// A connection, one of its nodes, and what that node reports about itself.
pub(crate) struct NewConnection {
    pub(crate) connection: Connection,
    pub(crate) node: MultiplexedConnection,
    pub(crate) version: String,
    pub(crate) mode: String,
}

/// Connects to the hosts of the URL until one responds. If it is a node of a Cluster, connects to the
/// Cluster.
pub(crate) async fn open(url: &RedisUrl) -> Result<NewConnection, RedisFault> {
    let opened = timeout(OPEN_TIMEOUT, async {
        let mut last_error = None;
        for host in url.hosts() {
            match open_host(url, host).await {
                Ok(opened) => return Ok(opened),
                Err(error) => last_error = Some(error),
            }
        }
        Err(last_error.unwrap_or(RedisFault::Timeout))
    });
    opened.await.unwrap_or(Err(RedisFault::Timeout))
}

async fn open_host(url: &RedisUrl, host: &ConnectionInfo) -> Result<NewConnection, RedisFault> {
    let is_closed = Arc::new(AtomicBool::new(false));
    let closed = is_closed.clone();
    let config = AsyncConnectionConfig::new()
        .set_connection_timeout(Some(REPLY_TIMEOUT))
        .set_response_timeout(Some(REPLY_TIMEOUT))
        .set_push_sender(move |push: PushInfo| {
            closed.fetch_or(push.kind == PushKind::Disconnection, Ordering::Relaxed);
            Ok::<(), redis::aio::SendError>(())
        });
    // Version 3 of the protocol reports a closed connection as soon as it is closed.
    let settings = host.redis_settings().clone();
    let settings = settings.set_protocol(ProtocolVersion::RESP3);
    let client = client(url, host.clone().set_redis_settings(settings))?;
    let connecting = client.get_multiplexed_async_connection_with_config(&config);
    let mut node = connecting.await.map_err(RedisFault::from_connect)?;
    let hello: Vec<(String, Value)> = redis::cmd("HELLO")
        .query_async(&mut node)
        .await
        .map_err(RedisFault::from_connect)?;
    let field = |name| {
        let value = hello.iter().find(|(field, _)| field == name);
        value.and_then(|(_, value)| redis::from_redis_value(value.clone()).ok())
    };
    let version: String = field("version").unwrap_or_default();
    let mode: String = field("mode").unwrap_or_default();
    let connection = match mode.as_str() {
        "cluster" => Connection::Cluster(open_cluster(url).await?),
        "sentinel" => {
            return Err(RedisFault::Unusable(
                "this is a Redis Sentinel, which stores no data. Use the URL of the Redis server itself".into(),
            ));
        }
        _ => Connection::Single {
            connection: node.clone(),
            is_closed,
        },
    };
    Ok(NewConnection {
        connection,
        node,
        version,
        mode,
    })
}

async fn open_cluster(url: &RedisUrl) -> Result<ClusterConnection, RedisFault> {
    let mut builder = ClusterClient::builder(url.hosts().to_vec())
        .connection_timeout(NODE_TIMEOUT)
        .response_timeout(REPLY_TIMEOUT)
        .retries(MAX_REDIRECTIONS)
        .min_retry_wait(10)
        .max_retry_wait(200);
    if let Some(certificates) = certificates(url)? {
        builder = builder.certs(certificates);
    }
    let client = builder.build().map_err(RedisFault::from_connect)?;
    client
        .get_async_connection()
        .await
        .map_err(RedisFault::from_connect)
}

/// Returns an error if the URL cannot be used, such as one with an unreadable file of certificates.
pub(crate) fn check(url: &RedisUrl) -> Result<(), RedisFault> {
    let mut hosts = url.hosts().iter().cloned();
    hosts.try_for_each(|host| client(url, host).map(drop))
}

fn client(url: &RedisUrl, host: ConnectionInfo) -> Result<Client, RedisFault> {
    install_crypto_provider();
    let client = match certificates(url)? {
        Some(certificates) => Client::build_with_tls(host, certificates),
        None => Client::open(host),
    };
    client.map_err(RedisFault::from_connect)
}

/// The certificates of the URL, which replace the system's.
fn certificates(url: &RedisUrl) -> Result<Option<TlsCertificates>, RedisFault> {
    let Some(path) = &url.ca else {
        return Ok(None);
    };
    let root_cert = std::fs::read(path).map_err(|error| {
        let path = path.display();
        RedisFault::Unusable(format!("cannot read the file of `ca`, {path}: {error}"))
    })?;
    Ok(Some(TlsCertificates {
        client_tls: None,
        root_cert: Some(root_cert),
    }))
}

/// Makes ring the TLS provider of this process, unless one is chosen (docs/decisions/0008).
fn install_crypto_provider() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error means that one is chosen already.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

type Opening = Shared<BoxFuture<'static, Result<Connection, RedisFault>>>;

/// The connection that all users of a store share. A clone is the same connection.
#[derive(Clone)]
pub(crate) struct SharedConnection(Arc<ConnectionInner>);

struct ConnectionInner {
    url: RedisUrl,
    state: Mutex<ConnectionState>,
}

#[derive(Default)]
struct ConnectionState {
    /// The connection, or the attempt to open it. The number identifies it.
    current: Option<(u64, Opening)>,
    last_number: u64,
    has_connected: bool,
    last_reply: Option<Instant>,
    last_timeout: Option<Instant>,
    down_since: Option<Instant>,
}

impl SharedConnection {
    pub(crate) fn new(url: RedisUrl) -> Self {
        Self(Arc::new(ConnectionInner {
            url,
            state: Mutex::default(),
        }))
    }

    /// Opens the connection if there is none.
    pub(crate) async fn connect(&self) -> Result<(), RedisFault> {
        let (number, opening) = self.current();
        let opened = timeout(CALL_TIMEOUT, opening).await;
        let opened = opened.unwrap_or(Err(RedisFault::Timeout));
        match opened {
            Ok(_) => Ok(()),
            Err(error) => Err(self.failed(number, error)),
        }
    }

    /// Sends a request and reads the reply.
    pub(crate) async fn request<T: FromRedisValue>(
        &self,
        operation: &'static str,
        request: impl Into<RedisRequest> + Send,
    ) -> Result<T, StoreError> {
        let request = request.into();
        let reply = self.send(&request).await.and_then(|value| {
            redis::from_redis_value(value).map_err(|error| RedisFault::Refused(error.into()))
        });
        reply.map_err(|error| StoreError::new(operation, error))
    }

    async fn send(&self, request: &RedisRequest) -> Result<Value, RedisFault> {
        if self.has_just_timed_out() {
            return Err(RedisFault::Timeout);
        }
        let (number, opening) = self.current();
        let sent = timeout(CALL_TIMEOUT, async {
            let mut connection = opening.await?;
            request
                .send(&mut connection)
                .await
                .map_err(RedisFault::Refused)
        });
        match sent.await.unwrap_or(Err(RedisFault::Timeout)) {
            Ok(value) => {
                self.succeeded();
                Ok(value)
            }
            Err(error) => Err(self.failed(number, error)),
        }
    }

    fn has_just_timed_out(&self) -> bool {
        let last_timeout = self.state().last_timeout;
        last_timeout.is_some_and(|at| at.elapsed() < RETRY_AFTER)
    }

    /// The connection in use, or a new one if there is none or the server has closed it.
    fn current(&self) -> (u64, Opening) {
        let mut state = self.state();
        let is_closed =
            |opening: &Opening| matches!(opening.peek(), Some(Ok(open)) if open.is_closed());
        match &state.current {
            Some((number, opening)) if !is_closed(opening) => return (*number, opening.clone()),
            _ => {}
        }
        state.last_number += 1;
        // A task, so that opening goes on if the caller stops waiting.
        let connection = self.clone();
        let opening = tokio::spawn(async move { connection.open().await });
        let opening = opening
            .map(|opened| opened.unwrap_or(Err(RedisFault::Timeout)))
            .boxed()
            .shared();
        let current = (state.last_number, opening);
        state.current = Some(current.clone());
        current
    }

    async fn open(&self) -> Result<Connection, RedisFault> {
        let opened = open(&self.0.url).await?;
        let is_first = !std::mem::replace(&mut self.state().has_connected, true);
        if is_first {
            tracing::info!(
                redis.version = opened.version,
                redis.mode = opened.mode,
                "connected to Redis"
            );
            durability::warn(opened.node).await;
        }
        Ok(opened.connection)
    }

    fn succeeded(&self) {
        let mut state = self.state();
        state.last_reply = Some(Instant::now());
        state.last_timeout = None;
        if let Some(since) = state.down_since.take() {
            let down_ms = u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX);
            tracing::info!(down_ms, "reconnected to Redis");
        }
    }

    /// Discards the connection if it is of no more use.
    fn failed(&self, number: u64, error: RedisFault) -> RedisFault {
        let mut state = self.state();
        let now = Instant::now();
        let (is_down, is_unusable) = match &error {
            RedisFault::Timeout => (true, true),
            RedisFault::Unreachable(_) | RedisFault::Unusable(_) => (true, true),
            RedisFault::Refused(error) if error.is_io_error() || error.is_unrecoverable_error() => {
                (true, true)
            }
            // The primary became a replica. The host name may lead to the new primary.
            RedisFault::Refused(error) => (
                false,
                error.kind() == ErrorKind::Server(ServerErrorKind::ReadOnly),
            ),
            RedisFault::InvalidValue(_) => (false, false),
        };
        let is_timeout = match &error {
            RedisFault::Timeout => true,
            RedisFault::Refused(error) => error.is_timeout(),
            _ => false,
        };
        if is_timeout {
            state.last_timeout = Some(now);
        }
        if is_down && state.down_since.is_none() {
            state.down_since = Some(now);
            tracing::warn!(
                error = %error,
                "Redis unavailable: sessions cannot be opened or checked, and this node counts rate limits by itself"
            );
        }
        if let Some((current, opening)) = &state.current
            && *current == number
            && is_unusable
        {
            // An attempt that is still running may succeed. A cluster client reconnects to its nodes by
            // itself while any of them replies.
            let is_kept = match opening.peek() {
                None => true,
                Some(Ok(Connection::Cluster(_))) => state
                    .last_reply
                    .is_some_and(|at| at.elapsed() < OPEN_TIMEOUT),
                Some(_) => false,
            };
            if !is_kept {
                state.current = None;
            }
        }
        error
    }

    fn state(&self) -> MutexGuard<'_, ConnectionState> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }
}
