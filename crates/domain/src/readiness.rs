//! Readiness of the stores. Requests within a second share one result.
//!
//! Readiness needs no authentication and a probe writes, so probes do not overlap and each result is used for a
//! second. A probe continues if the client that caused it disconnects.

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Mutex;
use tokio::time::timeout;

use crate::ports::Ports;
use crate::sessions::SessionStore;
use crate::store::StoreError;

/// Time for which a result is used, from the end of its probe.
const RESULT_TTL: SignedDuration = SignedDuration::from_secs(1);
/// Timeout for each store.
const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// Results of the store and the sessions, in this order. An error can be cloned for several callers.
type ProbeResults = [Result<(), SharedStoreError>; 2];
/// The operation and the cause.
type SharedStoreError = (Cow<'static, str>, Arc<dyn Error + Send + Sync>);

/// The latest results and their time. Locked while a probe runs.
#[derive(Default)]
pub(crate) struct Readiness(Arc<Mutex<Option<(Timestamp, ProbeResults)>>>);

impl Readiness {
    /// Probes the store and the sessions and returns their results, in this order.
    pub(crate) async fn probe(
        &self,
        ports: &Ports,
        sessions: &SessionStore,
    ) -> [Result<(), StoreError>; 2] {
        let results = self.results(ports, sessions).await;
        results.map(|result| result.map_err(|(operation, cause)| StoreError::new(operation, cause)))
    }

    async fn results(&self, ports: &Ports, sessions: &SessionStore) -> ProbeResults {
        let mut latest = self.0.clone().lock_owned().await;
        let now = ports.clock.now();
        if let Some((at, results)) = &*latest {
            // After the clock was set back, the age is negative.
            let age = now.duration_since(*at);
            if !age.is_negative() && age < RESULT_TTL {
                return results.clone();
            }
        }
        let (store, sessions, clock) = (ports.store.clone(), sessions.clone(), ports.clock.clone());
        let probe = tokio::spawn(async move {
            let store = timeout(PROBE_TIMEOUT, store.ping());
            let sessions = timeout(PROBE_TIMEOUT, sessions.ping());
            let (store, sessions) = join(store, sessions).await;
            let results =
                [store, sessions].map(|result| shared(result.unwrap_or_else(|_| no_response())));
            *latest = Some((clock.now(), results.clone()));
            results
        });
        // A probe is aborted only if the process is shutting down.
        probe
            .await
            .unwrap_or_else(|_| [shared(no_response()), shared(no_response())])
    }
}

fn no_response() -> Result<(), StoreError> {
    Err(StoreError::new("ping", "no response in time"))
}

fn shared(result: Result<(), StoreError>) -> Result<(), SharedStoreError> {
    result.map_err(|error| (error.operation, error.cause.into()))
}
