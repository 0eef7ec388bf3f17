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

use crate::clock::Clock;
use crate::sessions::SessionStore;
use crate::store::{Store, StoreError};

/// Time for which a result is used, from the end of its probe.
const RESULT_TTL: SignedDuration = SignedDuration::from_secs(1);
/// Timeout for each store.
const PROBE_TIMEOUT: Duration = Duration::from_secs(4);

/// Results of the store and the sessions, in this order. An error can be cloned for several callers.
type ProbeResults = [Result<(), SharedStoreError>; 2];
/// The operation and the cause.
type SharedStoreError = (Cow<'static, str>, Arc<dyn Error + Send + Sync>);

/// Probes the stores.
pub struct Readiness {
    latest: Arc<Mutex<Option<(Timestamp, ProbeResults)>>>,
    store: Arc<dyn Store>,
    session_store: SessionStore,
    clock: Arc<dyn Clock>,
}

impl Readiness {
    /// Creates it without a result.
    pub(crate) fn new(
        store: Arc<dyn Store>,
        session_store: SessionStore,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            latest: Arc::default(),
            store,
            session_store,
            clock,
        }
    }

    /// Returns the status of both stores, with the names that operators know. The stores are queried at most once
    /// a second, regardless of the number of callers.
    #[tracing::instrument(name = "readiness", level = "trace", skip_all)]
    pub async fn probe(&self) -> [(&'static str, Result<(), StoreError>); 2] {
        let results = self.results().await;
        let [store, sessions] = results
            .map(|result| result.map_err(|(operation, cause)| StoreError::new(operation, cause)));
        [("database", store), ("session store", sessions)]
    }

    async fn results(&self) -> ProbeResults {
        // Locked while a probe runs.
        let mut latest = self.latest.clone().lock_owned().await;
        let now = self.clock.now();
        if let Some((at, results)) = &*latest {
            // After the clock was set back, the age is negative.
            let age = now.duration_since(*at);
            if !age.is_negative() && age < RESULT_TTL {
                return results.clone();
            }
        }
        let (store, sessions, clock) = (
            self.store.clone(),
            self.session_store.clone(),
            self.clock.clone(),
        );
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
