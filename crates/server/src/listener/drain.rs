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

#[cfg(test)]
mod tests {
    use tokio::time::Instant;

    use super::*;

    const DRAIN: Duration = Duration::from_secs(20);

    /// How many seconds after the first asking each phase begins, if somebody asks again after so long.
    async fn seconds(drain: Duration, asked_again: Option<Duration>) -> [u64; 2] {
        let (phases, phase) = watch::channel(Phase::Serving);
        let (ask, asked) = mpsc::channel(1);
        tokio::spawn(async move { go_through(&phases, drain, asked).await });
        let began = Instant::now();
        ask.send(()).await.unwrap();
        if let Some(later) = asked_again {
            tokio::spawn(async move {
                tokio::time::sleep(later).await;
                ask.send(()).await.unwrap();
                std::future::pending::<()>().await;
            });
        } else {
            tokio::spawn(async move {
                let _ask = ask;
                std::future::pending::<()>().await;
            });
        }
        Phase::Draining.reached(&phase).await;
        let draining = began.elapsed().as_secs();
        assert!(drain.is_zero() || *phase.borrow() == Phase::Draining);
        Phase::Stopping.reached(&phase).await;
        [draining, began.elapsed().as_secs()]
    }

    #[tokio::test(start_paused = true)]
    async fn a_drain_lasts_as_long_as_is_set_or_until_somebody_is_in_a_hurry() {
        assert_eq!(seconds(DRAIN, None).await, [0, 20]);
        assert_eq!(seconds(Duration::ZERO, None).await, [0, 0]);
        let hurry = Some(Duration::from_secs(3));
        assert_eq!(seconds(DRAIN, hurry).await, [0, 3]);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_asks_while_it_stops_cuts_off_what_runs() {
        let (phases, phase) = watch::channel(Phase::Serving);
        let (ask, asked) = mpsc::channel(1);
        tokio::spawn(async move { go_through(&phases, Duration::ZERO, asked).await });
        ask.send(()).await.unwrap();
        Phase::Stopping.reached(&phase).await;
        tokio::time::sleep(Duration::from_secs(29)).await;
        assert_eq!(*phase.borrow(), Phase::Stopping);
        ask.send(()).await.unwrap();
        Phase::Over.reached(&phase).await;
    }
}
