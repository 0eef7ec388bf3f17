//! The end of a server, in its phases.
//!
//! Whoever asks first turns load balancers away, whoever asks again is in a hurry. Must not know
//! what listens for the phases: the listener, `/readyz` and the worker each draw their own
//! conclusion.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

/// How far the end has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Nobody has asked for it.
    Serving,
    /// Everything is still served, and whoever can go elsewhere is told to.
    Draining,
    /// Nothing new is taken; what runs may finish.
    Stopping,
    /// What still runs is cut off.
    Over,
}

impl Phase {
    /// Waits until it has come to this. Where nobody is left who could say so, it has.
    pub async fn reached(self, phases: &watch::Receiver<Self>) {
        let mut phases = phases.clone();
        let _ = phases.wait_for(|phase| *phase >= self).await;
    }
}

/// Goes through the phases: into `Draining` when first asked, on to `Stopping` when that has lasted
/// long enough or somebody asks again, and to `Over` when asked once more.
pub async fn go_through(
    phases: &watch::Sender<Phase>,
    drain: Duration,
    mut asked: mpsc::Receiver<()>,
) {
    asked.recv().await;
    if !drain.is_zero() {
        phases.send_replace(Phase::Draining);
        tracing::info!(
            drain_seconds = drain.as_secs(),
            "stopping; /readyz says so, and everything is still served for a while"
        );
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            _ = asked.recv() => {}
        }
    }
    phases.send_replace(Phase::Stopping);
    tracing::info!("stopping; what runs may finish");
    asked.recv().await;
    phases.send_replace(Phase::Over);
}
