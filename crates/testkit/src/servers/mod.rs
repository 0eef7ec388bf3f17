//! Servers for the tests. Databases, of two kinds:
//!
//! - [`postgres()`] and [`mariadb()`] create an empty database for a test, on a server that is started once per
//!   test process, on a Unix socket in its own folder, without durability. [`postgres_for_store()`] and
//!   [`mariadb_for_store()`] are for tests that do not migrate it themselves.
//! - [`dedicated_postgres()`] and [`dedicated_mariadb()`] start a server for one test, on its own port and with the usual
//!   durability, which the test may stop, kill, pause and start again. [`Proxy`] simulates a bad network in front
//!   of one; [`Authority`] creates certificates. [`Meter`] measures requests to DynamoDB.
//!
//! If `DOORWARD_TEST_SERVERS` is the socket of `lend-servers`, the test processes share its servers instead of starting
//! their own: `lend.rs`, `borrow.rs`. So a test that changes a server (`ALTER SYSTEM`, `FLUSHALL`) uses a dedicated one.
//! Another version or engine can be configured too: `external.rs`.
//!
//! [`Doorward`] is the binary itself, for real clients and proxies.
//!
//! They end with the process, in every case: each runs under a small shell, the leash of `supervisor.rs`. No test has
//! to clean up.
//!
//! To add a server: a file here with its commands and its URL, based on `Server` in `server.rs`; one that a test may
//! break is an [`DedicatedServer`].

mod borrow;
mod certificates;
mod commands;
mod dedicated;
mod dedicated_mariadb;
mod dedicated_postgres;
mod doorward;
mod dynamodb;
mod external;
mod lend;
mod mariadb;
mod meter;
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
pub use dynamodb::dynamodb;
pub use lend::lend;
pub use mariadb::{mariadb, mariadb_for_store};
pub use meter::{Cost, Meter};
pub use postgres::{postgres, postgres_for_store};
pub use proxy::{Proxy, ProxyMode};
pub use redis::{
    DedicatedRedis, RedisCluster, RedisNamespace, RedisOptions, Snapshot, dedicated_redis,
    dedicated_redis_cluster, redis, redis_cluster, valkey,
};
