//! Loads the signing keys, for the session check and for the key service (J-06).

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use crate::clock::Clock;
use crate::error::{Error, chain};
use crate::keys::{Keyring, KeyringError};
use crate::model::SigningKey;
use crate::store::{ReadStore, Records, StoreError};

/// Minimum interval between two key refreshes for the same reason. It is short because another node's new key may
/// be rejected for that long while an attacker floods this node with unknown keys.
const MIN_REFRESH_INTERVAL: SignedDuration = SignedDuration::from_millis(100);
/// Longer than a refresh takes.
const MAX_REFRESH_WAIT: SignedDuration = SignedDuration::from_secs(30);

/// The last key refresh for each reason. A refresh for one reason does not delay one for the other: a key may have
/// been created in between, and its first token must not be rejected.
#[derive(Default)]
struct KeyRefreshes {
    for_unknown_key: Option<LastRefresh>,
    for_poll: Option<LastRefresh>,
}

#[derive(Clone, Copy)]
struct LastRefresh {
    ended_at: Timestamp,
    failed: bool,
}

/// Reason for a key refresh.
#[derive(Clone, Copy)]
pub(crate) enum RefreshReason {
    /// A client sent a token with an unknown key.
    UnknownKey,
    /// The JWKS was requested, or the worker polls for keys that other nodes changed.
    Poll,
}

impl KeyRefreshes {
    fn last(&mut self, reason: RefreshReason) -> &mut Option<LastRefresh> {
        match reason {
            RefreshReason::UnknownKey => &mut self.for_unknown_key,
            RefreshReason::Poll => &mut self.for_poll,
        }
    }
}

/// Error of an operation on signing keys.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// A stored key cannot be opened.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Any other error.
    #[error(transparent)]
    Other(#[from] Error),
}

impl KeysError {
    /// The error for a client or a task. A key that cannot be opened is logged: neither can do anything about it.
    pub fn logged(self) -> Error {
        match self {
            Self::Other(error) => error,
            Self::Keyring(error) => {
                tracing::error!(error = %chain(&error), "a signing key cannot be opened");
                Error::Internal("a signing key cannot be opened")
            }
        }
    }
}

/// The signing keys in the store, which the keyring loads.
pub(crate) struct KeyStore {
    store: Arc<dyn ReadStore>,
    keyring: Arc<Keyring>,
    clock: Arc<dyn Clock>,
    /// Locked while the keys are loaded.
    refreshes: tokio::sync::Mutex<KeyRefreshes>,
}

impl KeyStore {
    pub(crate) fn new(
        store: Arc<dyn ReadStore>,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            store,
            keyring,
            clock,
            refreshes: tokio::sync::Mutex::default(),
        }
    }

    /// Returns the stored keys, newest first.
    pub(crate) async fn list(&self) -> Result<Vec<SigningKey>, Error> {
        let query = SigningKey::newest_first();
        Ok(self.store.list(query).await?)
    }

    pub(crate) async fn load(&self) -> Result<Vec<SigningKey>, KeysError> {
        let mut refreshes = self.refreshes.lock().await;
        self.load_locked(&mut refreshes).await
    }

    /// The caller holds the lock of the [`KeyRefreshes`], so that keys which were read later are also loaded later.
    async fn load_locked(&self, _: &mut KeyRefreshes) -> Result<Vec<SigningKey>, KeysError> {
        let keys = self.list().await?;
        self.keyring.load(&keys)?;
        Ok(keys)
    }

    /// Reloads the keys, for each reason at most ten times a second: a flood of forged tokens must not become a
    /// flood of queries. A call during another refresh waits for it and returns its result, also an error: a new
    /// key is often used by several requests at once, and these wait only once for a store that is down.
    pub(crate) async fn refresh(&self, reason: RefreshReason) -> Result<(), Error> {
        let called_at = self.clock.now();
        let mut refreshes = self.refreshes.lock().await;
        // The age is negative for a call that waited for a refresh. Beyond that wait, the clock was set back.
        let is_recent = |last: &LastRefresh| {
            let age = called_at.duration_since(last.ended_at);
            age > -MAX_REFRESH_WAIT && age < MIN_REFRESH_INTERVAL
        };
        if let Some(last) = refreshes.last(reason).filter(is_recent) {
            if last.failed {
                let cause = "loading the keys has just failed";
                return Err(StoreError::new("read signing_keys", cause).into());
            }
            return Ok(());
        }
        let loaded = self.load_locked(&mut refreshes).await;
        *refreshes.last(reason) = Some(LastRefresh {
            ended_at: self.clock.now(),
            failed: loaded.is_err(),
        });
        loaded.map(drop).map_err(KeysError::logged)
    }
}
