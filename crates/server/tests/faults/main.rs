//! The binary against stores that restart, are cut off, slow or full, run out of connections, fail over, or are
//! lost during a commit. Each test has its own servers.
//!
//! Each test expects the same: every response is a 2xx or a 503 (`store-unavailable`, `outcome-unknown`) within a
//! time limit; what got a 2xx is done, what got `store-unavailable` is not; and the server recovers by itself. A
//! [`load`] of clients records the responses and compares. To add a fault: a file next to these.

#![cfg(test)]

mod client;
mod connections;
mod database;
mod failover;
mod full_disk;
#[path = "../it/e2e/http.rs"]
mod http;
mod kills;
mod load;
mod lost_commits;
mod readiness;
mod restarts;
mod server;
mod unreachable;
