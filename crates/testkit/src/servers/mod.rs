//! Servers for the tests. Databases, of two kinds:
//!
//! - [`postgres()`] and [`mariadb()`] create an empty database for a test, on a server that is started once per
//!   test process, on a Unix socket in its own folder, without durability.
//! - [`own_postgres()`] and [`own_mariadb()`] start a server for one test, on its own port and with the usual
//!   durability, which the test may stop, kill, pause and start again. [`Proxy`] simulates a bad network in front
//!   of one; [`Authority`] creates certificates.
//!
//! The first two can be configured instead, to test another version or engine: `given.rs`.
//!
//! [`Doorward`] is the binary itself, for real clients and proxies.
//!
//! They end with the process, in every case: each runs under a small shell, the leash of `leash.rs`. No test has
//! to clean up.
//!
//! To add a server: a file here with its commands and its URL, based on `Server` in `server.rs`; one that a test may break is an
//! [`OwnServer`].

mod certificates;
mod commands;
mod doorward;
mod given;
mod leash;
mod mariadb;
mod own;
mod own_mariadb;
mod own_postgres;
mod postgres;
mod proxy;
mod redis;
mod server;

pub use certificates::{Authority, Certificate};
pub use doorward::{ADMIN_PASSWORD, Doorward, doorward_binary};
pub use mariadb::mariadb;
pub use own::{FullHouse, OwnServer};
pub use own_mariadb::{MariadbOptions, OwnMariadb, own_mariadb};
pub use own_postgres::{OwnPostgres, PostgresOptions, Replication, own_postgres};
pub use postgres::postgres;
pub use proxy::{Proxy, ProxyMode};
pub use redis::{
    OwnRedis, RedisCluster, RedisOptions, RedisPlace, Snapshot, own_redis, own_redis_cluster,
    redis, redis_cluster, valkey,
};
