//! Many nodes: three processes of the binary on one database, with Redis for sessions and without.
//!
//! What one node promises, three must keep together: whatever is done on one is true on the others,
//! at once or within the second that a look-up is believed. Everything is asked from outside, by HTTP.
//!
//! `upgrade` runs only from `cargo xtask upgrade`: it needs the program of the previous release.
//! To add a case: a file here, each test on a [`Cluster`](cluster::Cluster) of its own.

#![cfg(test)]

mod cluster;
mod door;
mod load;
mod node;
mod people;
mod post_office;

mod clocks;
mod keys;
mod kills;
mod life;
mod mail;
mod races;
mod rate_limits;
mod renewal;
mod revocation;
mod starts;
mod upgrade;

use std::time::Duration;

/// Longer than anything takes; reached only when something is broken.
const PATIENCE: Duration = Duration::from_secs(60);

/// Looks until there is something to see. For what other processes do in their own time.
async fn eventually<T>(what: &str, mut look: impl AsyncFnMut() -> Option<T>) -> T {
    let deadline = std::time::Instant::now() + PATIENCE;
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

/// Lets time pass, where time itself is what the test is about, or between two looks.
async fn pass(time: Duration) {
    tokio::time::sleep(time).await;
}
