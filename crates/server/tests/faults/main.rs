//! What stores do to the server that uses them: restarted, cut off, slow, full, out of connections,
//! failed over, gone in the middle of a commit. The binary itself, against servers of the test's own.
//!
//! Each test promises the same: every answer is a 2xx or a 503 `store-unavailable` within a bounded
//! time; what was answered with a 2xx is so, what was refused is not, only what was answered as
//! unknown may be either; and the server heals by itself. A [`crowd`] keeps the journal of what
//! was answered and compares. To add a misfortune: a file beside these.

#![cfg(test)]

mod answers;
mod connections;
mod crowd;
mod cut_off;
mod failover;
mod full_disk;
#[path = "../it/e2e/http.rs"]
mod http;
mod kills;
mod locked;
mod lost_commits;
mod readiness;
mod restarts;
mod server;
mod stage;
