//! From a URL to a connection that is fit for use.
//!
//! Each host of the URL is asked who it is (`HELLO`, which every user may, whatever the ACL says).
//! A member of a Cluster leads to the Cluster; else the first primary is taken, so that a URL may
//! name a primary and its replicas and goes on working when they change places.

use std::sync::Once;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use redis::aio::{ConnectionLike, MultiplexedConnection};
use redis::cluster::ClusterClient;
use redis::cluster_async::ClusterConnection;
use redis::{
    AsyncConnectionConfig, Client, Cmd, ConnectionAddr, ConnectionInfo, ErrorKind,
    IntoConnectionInfo, RedisConnectionInfo, RedisResult, ServerErrorKind, TlsCertificates, Value,
};

use crate::fault::Fault;
use crate::link::ANSWER_WITHIN;
use crate::url::{RedisUrl, Seed, Tls};

/// The oldest that has ACLs and all that our scripts need.
const OLDEST: u32 = 6;
/// How long connecting to one node of a Cluster may take: less than all of it, so that one node that
/// is silent does not keep the others away.
const NODE_WITHIN: Duration = Duration::from_secs(2);
/// How often a Cluster's client follows keys that have moved before it gives up.
const REDIRECTIONS: u32 = 4;

/// One node's connection, or those of a Cluster. Clones share it.
#[derive(Clone)]
pub(crate) enum Connection {
    Single(MultiplexedConnection),
    Cluster(ClusterConnection),
}

impl Connection {
    pub(crate) async fn send(&mut self, command: &Cmd) -> RedisResult<Value> {
        let value = match self {
            Self::Single(connection) => connection.req_packed_command(command).await?,
            Self::Cluster(connection) => connection.req_packed_command(command).await?,
        };
        value.extract_error()
    }

    pub(crate) fn is_cluster(&self) -> bool {
        matches!(self, Self::Cluster(_))
    }
}

/// What was found.
pub(crate) struct Opened {
    pub(crate) connection: Connection,
    /// One node of it.
    pub(crate) node: MultiplexedConnection,
    pub(crate) server: Server,
}

/// What a server says of itself.
#[derive(Debug, Clone, Default)]
pub(crate) struct Server {
    pub(crate) version: String,
    /// `standalone`, `cluster` or `sentinel`.
    pub(crate) mode: String,
    /// `master` or `replica`.
    pub(crate) role: String,
}

/// Says what can be said of a URL without speaking to anybody.
pub(crate) fn check(url: &RedisUrl) -> Result<(), Fault> {
    for seed in &url.seeds {
        client(url, seed)?;
    }
    Ok(())
}

/// Connects. The caller sets the time it may take.
pub(crate) async fn open(url: &RedisUrl) -> Result<Opened, Fault> {
    let mut candidates: FuturesUnordered<_> =
        url.seeds.iter().map(|seed| approach(url, seed)).collect();
    let mut first_fault = None;
    while let Some(candidate) = candidates.next().await {
        let fault = match candidate {
            Ok((node, server)) if server.mode == "cluster" => {
                return open_cluster(url, node, server).await;
            }
            Ok((node, server)) if server.mode == "sentinel" => {
                drop(node);
                Fault::Unfit("this is a Redis Sentinel, which keeps nothing: name the Redis servers themselves, primary and replicas".into())
            }
            Ok((node, server)) if server.role == "master" => {
                let connection = Connection::Single(node.clone());
                return Ok(Opened {
                    connection,
                    node,
                    server,
                });
            }
            Ok(_) => Fault::Unreachable(
                "this Redis is a replica, which takes no writes: name its primary too".into(),
            ),
            Err(fault) => fault,
        };
        first_fault.get_or_insert(fault);
    }
    Err(first_fault.unwrap_or_else(|| Fault::Unfit("the URL names no host".into())))
}

/// Connects to one host and asks who it is.
async fn approach(url: &RedisUrl, seed: &Seed) -> Result<(MultiplexedConnection, Server), Fault> {
    // Our own limits are wider around; those of the library would hide which of the two it was.
    let limits = AsyncConnectionConfig::new()
        .set_connection_timeout(None)
        .set_response_timeout(None);
    let client = client(url, seed)?;
    let mut node = client
        .get_multiplexed_async_connection_with_config(&limits)
        .await
        .map_err(|error| Fault::connecting(&error))?;
    // Redis 6.0 wants a version of the protocol; this one is spoken already.
    let mut hello = redis::cmd("HELLO");
    hello.arg(2);
    let hello = node.req_packed_command(&hello).await;
    let hello = hello.and_then(Value::extract_error);
    let server = match hello {
        Ok(answer) => Server::read(answer)?,
        // The code is `ERR` alone, which is also that of a server that has too many clients: the
        // words are all there is to tell them apart, and have been the same since Redis 1.
        Err(error) if error.to_string().contains("unknown command") => return Err(too_old("5")),
        Err(error) if error.code() == Some("NOAUTH") => {
            return Err(Fault::Unreachable(
                "it wants a password: redis://USER:PASSWORD@HOST".into(),
            ));
        }
        Err(error) => return Err(Fault::connecting(&error)),
    };
    let major = server.version.split('.').next().unwrap_or_default();
    match major.parse::<u32>() {
        Ok(major) if major >= OLDEST => {}
        _ => return Err(too_old(&server.version)),
    }
    if url.database != 0 {
        select(&mut node, &server, url.database).await?;
    }
    Ok((node, server))
}

/// Goes to a numbered database. The library could do so, and would tell of a refusal in words alone.
async fn select(
    node: &mut MultiplexedConnection,
    server: &Server,
    number: i64,
) -> Result<(), Fault> {
    let none = || {
        Fault::Unfit("there is no numbered database of that number (a Cluster has none at all): leave the number out of the URL".into())
    };
    if server.mode == "cluster" {
        return Err(none());
    }
    let mut select = redis::cmd("SELECT");
    select.arg(number);
    let answer = node.req_packed_command(&select).await;
    match answer.and_then(Value::extract_error) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == ErrorKind::Server(ServerErrorKind::ResponseError) => {
            Err(none())
        }
        Err(error) => Err(Fault::connecting(&error)),
    }
}

fn too_old(version: &str) -> Fault {
    Fault::Unfit(format!(
        "this Redis is too old (version {version}): Doorward needs Redis {OLDEST} or later, or Valkey"
    ))
}

async fn open_cluster(
    url: &RedisUrl,
    node: MultiplexedConnection,
    server: Server,
) -> Result<Opened, Fault> {
    let nodes: Vec<_> = url
        .seeds
        .iter()
        .map(|seed| connection_info(url, seed))
        .collect::<RedisResult<_>>()
        .map_err(|error| Fault::connecting(&error))?;
    let mut builder = ClusterClient::builder(nodes)
        .connection_timeout(NODE_WITHIN)
        .response_timeout(ANSWER_WITHIN)
        .retries(REDIRECTIONS)
        .min_retry_wait(10)
        .max_retry_wait(200);
    if let Tls::Ca(_) = url.tls {
        builder = builder.certs(certificates(url)?);
    }
    let client = builder.build().map_err(|error| Fault::connecting(&error))?;
    let cluster = client
        .get_async_connection()
        .await
        .map_err(|error| Fault::connecting(&error))?;
    Ok(Opened {
        connection: Connection::Cluster(cluster),
        node,
        server,
    })
}

fn client(url: &RedisUrl, seed: &Seed) -> Result<Client, Fault> {
    let info = connection_info(url, seed).map_err(|error| Fault::connecting(&error))?;
    let client = match url.tls {
        Tls::Ca(_) => Client::build_with_tls(info, certificates(url)?),
        Tls::Off | Tls::System => Client::open(info),
    };
    client.map_err(|error| Fault::connecting(&error))
}

fn connection_info(url: &RedisUrl, seed: &Seed) -> RedisResult<ConnectionInfo> {
    choose_crypto();
    let address = match seed {
        Seed::Unix(path) => ConnectionAddr::Unix(path.clone()),
        Seed::Tcp(host, port) if url.tls == Tls::Off => ConnectionAddr::Tcp(host.clone(), *port),
        Seed::Tcp(host, port) => ConnectionAddr::TcpTls {
            host: host.clone(),
            port: *port,
            insecure: false,
            tls_params: None,
        },
    };
    // An ACL need not allow `CLIENT SETINFO`.
    let mut redis = RedisConnectionInfo::default().set_skip_set_lib_name();
    if let Some(user) = &url.user {
        redis = redis.set_username(user);
    }
    if let Some(password) = &url.password {
        redis = redis.set_password(password.expose());
    }
    Ok(address.into_connection_info()?.set_redis_settings(redis))
}

/// The certificates that are trusted instead of the system's.
fn certificates(url: &RedisUrl) -> Result<TlsCertificates, Fault> {
    let root_cert = match &url.tls {
        Tls::Ca(path) => Some(std::fs::read(path).map_err(|error| {
            let path = path.display();
            Fault::Unfit(format!("the file of `ca` cannot be read: {path}: {error}"))
        })?),
        Tls::Off | Tls::System => None,
    };
    Ok(TlsCertificates {
        client_tls: None,
        root_cert,
    })
}

/// Ring does TLS, for whoever in this process has not chosen (docs/decisions/0008).
fn choose_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let chosen_before = rustls::crypto::ring::default_provider().install_default();
        drop(chosen_before);
    });
}

impl Server {
    /// The answer to `HELLO`: names and values in turn.
    fn read(answer: Value) -> Result<Self, Fault> {
        let pairs: Vec<(String, Value)> = redis::from_redis_value(answer)
            .map_err(|_| Fault::Unfit("this does not speak as Redis does".into()))?;
        let mut server = Self::default();
        for (name, value) in pairs {
            let text = || redis::from_redis_value(value).unwrap_or_default();
            match name.as_str() {
                "version" => server.version = text(),
                "mode" => server.mode = text(),
                "role" => server.role = text(),
                _ => {}
            }
        }
        Ok(server)
    }
}
