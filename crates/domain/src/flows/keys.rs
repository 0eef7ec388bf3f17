//! Signing keys: created at the first start, rotated by age or by the operator, stored until all tokens that they
//! signed have expired (J-06). A key that may be compromised is revoked at once.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Event, SigningKey};
use crate::ports::StoreError;
use crate::store::{Records, Write};
use crate::tokens::{KeyringError, PublicKey};

/// Additional time that a retired key is stored: other nodes sign with it until they load the new key.
const ROTATION_MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// Minimum interval between two key refreshes for the same reason. It is short because another node's new key may
/// be rejected for that long while an attacker floods this node with unknown keys.
const MIN_REFRESH_INTERVAL: SignedDuration = SignedDuration::from_millis(100);
/// Longer than a refresh takes.
const MAX_REFRESH_WAIT: SignedDuration = SignedDuration::from_secs(30);

/// Timeout for the store when the JWKS is requested. After that, the keys that this node has loaded are returned.
const JWKS_TIMEOUT: Duration = Duration::from_secs(1);

/// The last key refresh for each reason. A refresh for one reason does not delay one for the other: a key may have
/// been created in between, and its first token must not be rejected.
#[derive(Default)]
pub(crate) struct KeyRefreshes {
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

impl Accounts {
    /// Loads the keys, creates one if there is none or the newest is too old, and deletes expired ones. Called at
    /// the start and periodically by the worker.
    pub async fn ensure_keys(&self, ctx: &Ctx) -> Result<(), KeysError> {
        let keys = self.load_keys().await?;
        let newest = keys.first();
        let is_due = newest
            .is_none_or(|key| ctx.now.duration_since(key.created_at) >= self.policy.key_lifetime);
        if is_due {
            self.replace_key(ctx, &keys).await?;
        }
        self.drop_expired_keys(ctx, &keys).await?;
        Ok(())
    }

    /// Creates a new key and returns its `kid`. Session tokens are signed with it at once, audience tokens only
    /// after services had time to reload the JWKS.
    pub async fn rotate_keys(&self, ctx: &Ctx) -> Result<String, KeysError> {
        let keys = self.list_keys().await?;
        self.replace_key(ctx, &keys).await?;
        let current = self.keyring.signing_key().map(|(kid, _)| kid);
        Ok(current.ok_or(Error::Internal("the new key did not load"))?)
    }

    /// Revokes a key: removes it from the JWKS and from verification, on this node at once and on every other node
    /// when it next [polls](Self::poll_keys). Tokens that it signed become invalid, so their users must sign in
    /// again. If it is the signing key, the same transaction creates a new one. Returns the `kid` of the current
    /// signing key. Fails with [`Error::NotFound`] if the key is unknown.
    pub async fn revoke_key(&self, ctx: &Ctx, kid: &str) -> Result<String, KeysError> {
        for _ in 0..ATTEMPTS {
            let keys = self.list_keys().await?;
            let revoked = keys.iter().find(|key| key.kid == kid);
            let signs = revoked.ok_or(Error::NotFound)?.retired_at.is_none();
            let mut changes = Changes::new();
            if signs {
                let key = self.generate_key(ctx, &keys);
                changes.extend(rotation(&key, &keys));
            }
            changes.push(Write::delete::<SigningKey>(kid).into());
            changes.push(self.audit_detail(ctx, Event::KeyRevoked, None, kid));
            match self.apply(changes).await {
                Ok(()) => {
                    self.load_keys().await?;
                    let current = self.keyring.signing_key().map(|(kid, _)| kid);
                    return Ok(current.ok_or(Error::Internal("the new key did not load"))?);
                }
                // Another node has rotated in between.
                Err(ApplyError::Stale | ApplyError::Taken(_)) => {}
                Err(other) => return Err(Error::from(other).into()),
            }
        }
        Err(Error::Overloaded.into())
    }

    /// Reloads the keys unless they were just loaded, so that a key revoked by another node becomes invalid on
    /// this one. Called by the worker several times a second.
    pub async fn poll_keys(&self) -> Result<(), Error> {
        self.refresh_keys(RefreshReason::Poll).await
    }

    /// Returns the stored keys, newest first.
    pub async fn list_keys(&self) -> Result<Vec<SigningKey>, Error> {
        let query = SigningKey::newest_first();
        Ok(self.ports.store.list(query).await?)
    }

    /// Returns the public keys that this node has loaded.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.keyring.public_keys()
    }

    /// Returns the public keys for the JWKS. Reloads them first, since a service may query a node that has not
    /// loaded another node's new key yet. If that fails, returns the loaded keys.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn fresh_public_keys(&self) -> Vec<PublicKey> {
        match timeout(JWKS_TIMEOUT, self.refresh_keys(RefreshReason::Poll)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "serving cached JWKS: failed to load keys");
            }
            Err(_) => tracing::warn!("serving cached JWKS: timed out loading keys"),
        }
        self.public_keys()
    }

    async fn replace_key(&self, ctx: &Ctx, keys: &[SigningKey]) -> Result<(), KeysError> {
        let key = self.generate_key(ctx, keys);
        let mut changes = rotation(&key, keys);
        changes.push(self.audit_detail(ctx, Event::KeyRotated, None, &key.kid));
        match self.apply(changes).await {
            // If another node was faster, its key is used.
            Ok(()) | Err(ApplyError::Stale | ApplyError::Taken(_)) => {}
            Err(other) => return Err(Error::from(other).into()),
        }
        self.load_keys().await?;
        Ok(())
    }

    /// A key that follows the newest of these.
    fn generate_key(&self, ctx: &Ctx, keys: &[SigningKey]) -> SigningKey {
        let position = keys.first().map_or(1, |newest| newest.position + 1);
        self.keyring
            .generate(position, ctx.now, &*self.ports.secrets)
    }

    async fn load_keys(&self) -> Result<Vec<SigningKey>, KeysError> {
        let mut refreshes = self.key_refreshes.lock().await;
        self.load_keys_locked(&mut refreshes).await
    }

    /// The caller holds the lock of the [`KeyRefreshes`], so that keys which were read later are also loaded later.
    async fn load_keys_locked(&self, _: &mut KeyRefreshes) -> Result<Vec<SigningKey>, KeysError> {
        let keys = self.list_keys().await?;
        if self.keyring.load(&keys)? {
            self.cache.key_removed();
        }
        Ok(keys)
    }

    async fn drop_expired_keys(&self, ctx: &Ctx, keys: &[SigningKey]) -> Result<(), Error> {
        let outlived = self.policy.session_lifetime + ROTATION_MARGIN;
        let expired = keys.iter().filter(|key| {
            key.retired_at
                .is_some_and(|at| ctx.now.duration_since(at) > outlived)
        });
        for key in expired {
            let delete = Write::delete::<SigningKey>(key.kid.as_str());
            self.apply(vec![delete.into()]).await?;
        }
        Ok(())
    }

    /// Reloads the keys, for each reason at most ten times a second: a flood of forged tokens must not become a
    /// flood of queries. A call during another refresh waits for it and returns its result, also an error: a new
    /// key is often used by several requests at once, and these wait only once for a store that is down.
    pub(crate) async fn refresh_keys(&self, reason: RefreshReason) -> Result<(), Error> {
        let called_at = self.now();
        let mut refreshes = self.key_refreshes.lock().await;
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
        let loaded = self.load_keys_locked(&mut refreshes).await;
        *refreshes.last(reason) = Some(LastRefresh {
            ended_at: self.now(),
            failed: loaded.is_err(),
        });
        match loaded {
            Ok(_) => Ok(()),
            Err(KeysError::Other(error)) => Err(error),
            Err(KeysError::Keyring(error)) => {
                tracing::error!(%error, "failed to load signing keys");
                Err(Error::Internal("failed to load signing keys"))
            }
        }
    }
}

/// Inserts the key and retires the others. Fails with [`ApplyError::Taken`] or [`ApplyError::Stale`] if another node
/// has changed the keys since they were read.
fn rotation(key: &SigningKey, keys: &[SigningKey]) -> Changes {
    let in_use = keys.iter().filter(|old| old.retired_at.is_none());
    let retire = in_use.map(|old| {
        let set = [("retired_at", key.created_at.into())];
        Write::update::<SigningKey, 1>(old.kid.as_str(), set, Vec::new())
    });
    let writes = retire.chain([Write::insert(key)]);
    writes.map(Change::from).collect()
}
