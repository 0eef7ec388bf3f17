//! Readiness of the stores. Requests within a second share one probe.
//!
//! Readiness needs no authentication and a probe writes, so at most one probe starts per second. A probe continues
//! if the client that caused it disconnects, and ends within `PROBE_TIMEOUT` whether or not a store responds.

use std::error::Error;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;
use tokio::time::timeout;

use crate::ports::{Ports, StoreError};
use crate::session_store::SessionStore;

/// Time for which requests share a probe, from its start.
const PROBE_TTL: SignedDuration = SignedDuration::from_secs(1);
/// Timeout for each store.
const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// Results of the store and the sessions, in this order. An error can be cloned for several callers.
type ProbeResults = [Result<(), SharedStoreError>; 2];

#[derive(Clone)]
struct SharedStoreError {
    operation: std::borrow::Cow<'static, str>,
    cause: Arc<dyn Error + Send + Sync>,
}

/// The latest probe.
#[derive(Default)]
pub(crate) struct Readiness(Mutex<Option<Probe>>);

struct Probe {
    started_at: Timestamp,
    answers: watch::Receiver<Option<ProbeResults>>,
}

impl Readiness {
    /// Probes the store and the sessions and returns their results, in this order.
    pub(crate) async fn probe(
        &self,
        ports: &Ports,
        sessions: &SessionStore,
    ) -> [Result<(), StoreError>; 2] {
        let mut probe = self.join(ports, sessions);
        let answers = match probe.wait_for(Option::is_some).await {
            Ok(answers) => answers.clone(),
            // The process is shutting down.
            Err(_) => None,
        };
        let answers = answers.unwrap_or_else(|| [Err(probe_timed_out()), Err(probe_timed_out())]);
        answers.map(|answer| answer.map_err(|error| StoreError::new(error.operation, error.cause)))
    }

    /// Returns the running or recent probe, or starts a new one.
    fn join(
        &self,
        ports: &Ports,
        sessions: &SessionStore,
    ) -> watch::Receiver<Option<ProbeResults>> {
        let now = ports.clock.now();
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match latest.as_ref().filter(|probe| probe.is_fresh(now)) {
            Some(probe) => probe.answers.clone(),
            None => {
                let answers = begin(ports, sessions);
                latest
                    .insert(Probe {
                        started_at: now,
                        answers,
                    })
                    .answers
                    .clone()
            }
        }
    }
}

impl Probe {
    /// Returns `true` if the probe is running or recent. After the clock was set back its age is negative, and it
    /// is not recent.
    fn is_fresh(&self, now: Timestamp) -> bool {
        let age = now.duration_since(self.started_at);
        let is_under_way = self.answers.has_changed().is_ok() && self.answers.borrow().is_none();
        is_under_way || (!age.is_negative() && age < PROBE_TTL)
    }
}

fn begin(ports: &Ports, sessions: &SessionStore) -> watch::Receiver<Option<ProbeResults>> {
    let (store, sessions) = (ports.store.clone(), sessions.clone());
    let (sender, answers) = watch::channel(None);
    tokio::spawn(async move {
        let store = timeout(PROBE_TIMEOUT, store.ping());
        let sessions = timeout(PROBE_TIMEOUT, sessions.ping());
        let (store, sessions) = join(store, sessions).await;
        let of = |answer: Result<Result<(), StoreError>, _>| match answer {
            Ok(answer) => answer.map_err(SharedStoreError::from),
            Err(_) => Err(probe_timed_out()),
        };
        sender.send_replace(Some([of(store), of(sessions)]));
    });
    answers
}

impl From<StoreError> for SharedStoreError {
    fn from(error: StoreError) -> Self {
        Self {
            operation: error.operation,
            cause: error.cause.into(),
        }
    }
}

fn probe_timed_out() -> SharedStoreError {
    let cause: Box<dyn Error + Send + Sync> = "no response in time".into();
    StoreError::new("ping", cause).into()
}
