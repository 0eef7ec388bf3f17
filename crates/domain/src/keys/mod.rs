//! Signing keys: created at the first start, rotated by age or by the operator, stored until all tokens that they
//! signed have expired (J-06). A key that may be compromised is revoked at once.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::timeout;

use crate::access::ensure_operator;
use crate::core::keys::RefreshReason;
use crate::core::{Core, MAX_WRITE_ATTEMPTS};
use crate::ctx::Ctx;
use crate::error::{Error, WriteError, chain};
use crate::events::Event;
use crate::model::SigningKey;
use crate::store::{Batch, Records, Write};
use crate::tokens::PublicKey;

pub use crate::core::keys::KeysError;

/// Additional time that a retired key is stored: other nodes sign with it until they load the new key.
const ROTATION_MARGIN: SignedDuration = SignedDuration::from_hours(1);
/// Timeout for the store when the JWKS is requested. After that, the keys that this node has loaded are returned.
const JWKS_TIMEOUT: Duration = Duration::from_secs(1);

/// Creates, rotates, revokes and lists signing keys.
pub struct Keys {
    pub(crate) core: Arc<Core>,
}

impl Keys {
    /// Returns the stored keys, newest first.
    pub async fn list(&self) -> Result<Vec<SigningKey>, Error> {
        self.core.list_keys().await
    }

    /// Loads the keys, creates one if there is none or the newest is too old, and deletes expired ones. Called at
    /// the start and periodically by the worker.
    pub async fn ensure(&self, ctx: &Ctx) -> Result<(), KeysError> {
        let keys = self.core.load_keys().await?;
        let newest = keys.first();
        let is_due = newest.is_none_or(|key| {
            ctx.now.duration_since(key.created_at) >= self.core.policy.key_lifetime
        });
        if is_due {
            self.replace_key(ctx, &keys).await?;
        }
        self.drop_expired_keys(ctx, &keys).await?;
        Ok(())
    }

    /// Creates a new key and returns its `kid`. Session tokens are signed with it at once, audience tokens only
    /// after services had time to reload the JWKS.
    pub async fn rotate(&self, ctx: &Ctx) -> Result<String, KeysError> {
        ensure_operator(ctx)?;
        let keys = self.core.list_keys().await?;
        self.replace_key(ctx, &keys).await?;
        let current = self.core.keyring.signing_key().map(|(kid, _)| kid);
        Ok(current.ok_or(Error::Internal("the new key did not load"))?)
    }

    /// Revokes a key: removes it from the JWKS and from verification, on this node at once and on every other node
    /// when it next [polls](Self::poll). Tokens that it signed become invalid, so their users must sign in
    /// again. If it is the signing key, the same transaction creates a new one. Returns the `kid` of the current
    /// signing key. Fails with [`Error::NotFound`] if the key is unknown.
    pub async fn revoke(&self, ctx: &Ctx, kid: &str) -> Result<String, KeysError> {
        ensure_operator(ctx)?;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let keys = self.core.list_keys().await?;
            let revoked = keys.iter().find(|key| key.kid == kid);
            let signs = revoked.ok_or(Error::NotFound)?.retired_at.is_none();
            let mut batch = Batch::new();
            if signs {
                let key = self.generate_key(ctx, &keys);
                batch.extend(rotation(&key, &keys));
            }
            batch.push(Write::delete::<SigningKey>(kid));
            self.core.emit(ctx, Event::KeyRevoked { kid }, &mut batch);
            match self.core.apply(batch).await {
                Ok(()) => {
                    self.core.load_keys().await?;
                    let current = self.core.keyring.signing_key().map(|(kid, _)| kid);
                    return Ok(current.ok_or(Error::Internal("the new key did not load"))?);
                }
                // Another node has rotated in between.
                Err(WriteError::Stale | WriteError::Taken(_)) => {}
                Err(other) => return Err(Error::from(other).into()),
            }
        }
        Err(Error::Overloaded.into())
    }

    /// Reloads the keys if another node has created or revoked one, so that a revoked key becomes invalid on this one.
    /// Reads the loaded keys by their `kid`, which costs less than a list. Called by the worker more often than once a second.
    pub async fn poll(&self) -> Result<(), Error> {
        let loaded = self.public_keys().into_iter().map(|key| key.kid);
        let stored: Vec<SigningKey> = self.core.ports.store.get_all(loaded).await?;
        match self.core.keyring.is_current(&stored) {
            true => Ok(()),
            false => self.core.refresh_keys(RefreshReason::Poll).await,
        }
    }

    /// Returns the public keys that this node has loaded.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.core.keyring.public_keys()
    }

    /// Returns the public keys for the JWKS. Reloads them first, since a service may query a node that has not
    /// loaded another node's new key yet. If that fails, returns the loaded keys.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn fresh_public_keys(&self) -> Vec<PublicKey> {
        match timeout(JWKS_TIMEOUT, self.core.refresh_keys(RefreshReason::Poll)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %chain(&error), "serving cached JWKS: failed to load keys");
            }
            Err(_) => tracing::warn!("serving cached JWKS: timed out loading keys"),
        }
        self.public_keys()
    }

    async fn replace_key(&self, ctx: &Ctx, keys: &[SigningKey]) -> Result<(), KeysError> {
        let key = self.generate_key(ctx, keys);
        let mut batch = rotation(&key, keys);
        let rotated = Event::KeyRotated { kid: &key.kid };
        self.core.emit(ctx, rotated, &mut batch);
        match self.core.apply(batch).await {
            // If another node was faster, its key is used.
            Ok(()) | Err(WriteError::Stale | WriteError::Taken(_)) => {}
            Err(other) => return Err(Error::from(other).into()),
        }
        self.core.load_keys().await?;
        Ok(())
    }

    /// A key that follows the newest of these.
    fn generate_key(&self, ctx: &Ctx, keys: &[SigningKey]) -> SigningKey {
        let position = keys.first().map_or(1, |newest| newest.position + 1);
        self.core
            .keyring
            .generate(position, ctx.now, &*self.core.ports.random)
    }

    async fn drop_expired_keys(&self, ctx: &Ctx, keys: &[SigningKey]) -> Result<(), Error> {
        let outlived = self.core.policy.session_lifetime + ROTATION_MARGIN;
        let expired = keys.iter().filter(|key| {
            key.retired_at
                .is_some_and(|at| ctx.now.duration_since(at) > outlived)
        });
        for key in expired {
            let delete = Write::delete::<SigningKey>(key.kid.as_str());
            self.core.apply(vec![delete]).await?;
        }
        Ok(())
    }
}

/// Inserts the key and retires the others. Fails with `Taken` or `Stale` if another node
/// has changed the keys since they were read.
fn rotation(key: &SigningKey, keys: &[SigningKey]) -> Batch {
    let in_use = keys.iter().filter(|old| old.retired_at.is_none());
    let retire = in_use.map(|old| {
        let set = [("retired_at", key.created_at.into())];
        Write::update::<SigningKey, 1>(old.kid.as_str(), set, Vec::new())
    });
    retire.chain([Write::insert(key)]).collect()
}
