//! Several nodes: three processes of the binary on one database, with Redis for sessions and without.
//!
//! The guarantees of one node must hold for three: an action on one takes effect on the others, at once or within
//! the second of the cache. All tests use HTTP.
//!
//! `upgrade` runs only from `cargo xtask upgrade`: it needs the program of the previous release. To add a case: a
//! file here, each test with its own [`Cluster`](cluster::Cluster).

#![cfg(test)]

mod accounts;
mod cluster;
mod load;
mod mail_server;
mod node;
mod node_client;

mod clocks;
mod full_journey;
mod keys;
mod kills;
mod mail;
mod races;
mod rate_limits;
mod renewal;
mod revocation;
mod startup;
mod upgrade;

use std::time::Duration;

/// Longer than anything takes. Only a failing test reaches it.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);

/// Polls until there is a value. For the work of other processes.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + TEST_TIMEOUT;
    loop {
        if let Some(seen) = look().await {
            return seen;
        }
        assert!(
            std::time::Instant::now() < deadline,
            "it never came to this: {what}"
        );
        pass(Duration::from_millis(10)).await;
    }
}

/// Sleeps, for tests about time itself and between two polls.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
