//! Servers for the tests. Databases, of two kinds:
//!
//! - [`postgres()`] and [`mariadb()`] create an empty database for a test, on a server that is started once per
//!   test process, on a Unix socket in its own folder, without durability.
//! - [`dedicated_postgres()`] and [`dedicated_mariadb()`] start a server for one test, on its own port and with the usual
//!   durability, which the test may stop, kill, pause and start again. [`Proxy`] simulates a bad network in front
//!   of one; [`Authority`] creates certificates.
//!
//! The first two can be configured instead, to test another version or engine: `external.rs`.
//!
//! [`Doorward`] is the binary itself, for real clients and proxies.
//!
//! They end with the process, in every case: each runs under a small shell, the leash of `leash.rs`. No test has
//! to clean up.
//!
//! To add a server: a file here with its commands and its URL, based on `Server` in `server.rs`; one that a test may break is an
//! [`DedicatedServer`].

mod certificates;
mod commands;
mod dedicated;
mod dedicated_mariadb;
mod dedicated_postgres;
mod doorward;
mod external;
mod mariadb;
mod postgres;
mod proxy;
mod redis;
mod server;
mod supervisor;

pub use certificates::{Authority, Certificate};
pub use dedicated::{ConnectionHog, DedicatedServer};
pub use dedicated_mariadb::{DedicatedMariadb, MariadbOptions, dedicated_mariadb};
pub use dedicated_postgres::{DedicatedPostgres, PostgresOptions, Replication, dedicated_postgres};
pub use doorward::{ADMIN_PASSWORD, Doorward, doorward_binary};
pub use mariadb::mariadb;
pub use postgres::postgres;
pub use proxy::{Proxy, ProxyMode};
pub use redis::{
    DedicatedRedis, RedisCluster, RedisNamespace, RedisOptions, Snapshot, dedicated_redis,
    dedicated_redis_cluster, redis, redis_cluster, valkey,
};
