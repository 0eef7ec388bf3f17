//! The phases of a graceful stop.
//!
//! The first signal starts the drain, the second ends it, the third aborts requests in flight. The listener,
//! `/readyz` and the worker each wait for the phase that concerns them.

use std::time::Duration;

use tokio::sync::{mpsc, watch};

/// Progress of a stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// No stop was requested.
    Serving,
    /// `/readyz` returns 503, and requests are still served.
    Draining,
    /// No connection is accepted. Requests in flight are finished.
    Stopping,
    /// Requests in flight are aborted.
    Aborting,
}

impl Phase {
    /// Waits until this phase or a later one is reached, or its sender is dropped.
    pub async fn wait_for(self, phases: &watch::Receiver<Self>) {
        let mut phases = phases.clone();
        let _ = phases.wait_for(|phase| *phase >= self).await;
    }
}

/// Advances the phases: to `Draining` at the first signal, to `Stopping` after `drain` or at the second signal,
/// and to `Aborting` at the next one.
pub async fn advance(
    phases: &watch::Sender<Phase>,
    drain: Duration,
    mut signals: mpsc::Receiver<()>,
) {
    signals.recv().await;
    if !drain.is_zero() {
        phases.send_replace(Phase::Draining);
        tracing::info!(
            drain_seconds = drain.as_secs(),
            "draining: /readyz returns 503, requests are still served"
        );
        tokio::select! {
            () = tokio::time::sleep(drain) => {}
            _ = signals.recv() => {}
        }
    }
    phases.send_replace(Phase::Stopping);
    tracing::info!("stopping: waiting for requests in flight");
    signals.recv().await;
    phases.send_replace(Phase::Aborting);
}

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const DRAIN_TIMEOUT: Duration = Duration::from_secs(20);

    /// The seconds from the first signal to the start of each phase, with a second signal after a time.
    async fn seconds(drain: Duration, second_signal: Option<Duration>) -> [u64; 2] {
        let (phases, phase) = watch::channel(Phase::Serving);
        let (sender, signals) = mpsc::channel(1);
        tokio::spawn(async move { advance(&phases, drain, signals).await });
        let began = Instant::now();
        sender.send(()).await.unwrap();
        tokio::spawn(async move {
            if let Some(later) = second_signal {
                tokio::time::sleep(later).await;
                sender.send(()).await.unwrap();
            }
            sender.closed().await;
        });
        Phase::Draining.wait_for(&phase).await;
        let draining = began.elapsed().as_secs();
        assert!(drain.is_zero() || *phase.borrow() == Phase::Draining);
        Phase::Stopping.wait_for(&phase).await;
        [draining, began.elapsed().as_secs()]
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_ends_after_its_time_or_at_the_second_signal() {
        assert_eq!(seconds(DRAIN_TIMEOUT, None).await, [0, 20]);
        assert_eq!(seconds(Duration::ZERO, None).await, [0, 0]);
        let second_signal = Some(Duration::from_secs(3));
        assert_eq!(seconds(DRAIN_TIMEOUT, second_signal).await, [0, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_signal_while_stopping_aborts_requests_in_flight() {
        let (phases, phase) = watch::channel(Phase::Serving);
        let (sender, signals) = mpsc::channel(1);
        tokio::spawn(async move { advance(&phases, Duration::ZERO, signals).await });
        sender.send(()).await.unwrap();
        Phase::Stopping.wait_for(&phase).await;
        tokio::time::sleep(Duration::from_secs(29)).await;
        assert_eq!(*phase.borrow(), Phase::Stopping);
        sender.send(()).await.unwrap();
        Phase::Aborting.wait_for(&phase).await;
    }
}
