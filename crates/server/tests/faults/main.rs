//! The binary against stores that restart, are cut off, slow or full, run out of connections, or fail over. Each test
//! has its own servers. A write is atomic also if its commit is lost: that is tested in `crates/store-sql`.
//!
//! Each test expects the same: every response is a 2xx or a 503 (`store-unavailable`, `outcome-unknown`) within a
//! time limit; what got a 2xx is done, what got `store-unavailable` is not; and the server recovers by itself. A
//! [`load`] of clients records the responses and compares. To add a fault: a file next to these.

#![cfg(test)]

mod client;
mod connections;
mod database;
#[cfg(feature = "aws")]
mod dynamodb;
mod failover;
mod full_disk;
#[path = "../it/e2e/http.rs"]
mod http;
mod kills;
mod load;
mod readiness;
mod restarts;
mod server;
mod unreachable;
