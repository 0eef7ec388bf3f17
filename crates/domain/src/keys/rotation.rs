//! Creates signing keys, rotates them by age, by the operator or by an admin, and revokes those that someone may know.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use crate::access::{Access, Action, NO_USER, ensure_operator};
use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::error::{Error, WriteError, chain};
use crate::events::Event;
use crate::keys::store::{KeyStore, KeysError, RefreshReason};
use crate::keys::{JWKS_LEAD_TIME, Keyring, PublicKey};
use crate::model::SigningKey;
use crate::policy::Policy;
use crate::store::{Batch, ReadStore, Records, Write};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// Additional time that a retired key is stored: other nodes sign with it until they load the new key.
const ROTATION_MARGIN: SignedDuration = SignedDuration::from_hours(1);
/// Timeout for the store when the JWKS is requested. After that, the keys that this node has loaded are returned.
const JWKS_TIMEOUT: Duration = Duration::from_secs(1);

/// A signing key, and what it is used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The key.
    pub key: SigningKey,
    /// `true` if new session tokens are signed with it.
    pub signs_sessions: bool,
    /// `true` if new audience tokens are signed with it.
    pub signs_audience_tokens: bool,
    /// When it is deleted, if a newer key has replaced it: the tokens that it signed have expired by then.
    pub verifies_until: Option<Timestamp>,
}

/// Creates, rotates, revokes and lists signing keys.
pub struct Keys {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) key_store: Arc<KeyStore>,
    pub(crate) access: Arc<Access>,
    pub(crate) writer: Arc<Writer>,
}

impl Keys {
    /// Returns the stored keys, newest first.
    pub async fn list(&self) -> Result<Vec<SigningKey>, Error> {
        self.key_store.list().await
    }

    /// Returns the stored keys with what they are used for, newest first. They are not about a user, so that this is not an
    /// audit event.
    #[tracing::instrument(name = "list_keys", level = "trace", skip_all)]
    pub async fn view(&self, ctx: &Ctx) -> Result<Vec<KeyUse>, Error> {
        self.access.authorize(ctx, Action::ViewKeys).await?;
        Ok(self.uses(ctx.now, self.list().await?))
    }

    /// Loads the keys, creates one if there is none or the newest is too old, and deletes expired ones. Called at
    /// the start and periodically by the worker.
    pub async fn ensure(&self, ctx: &Ctx) -> Result<(), KeysError> {
        let keys = self.key_store.load().await?;
        let newest = keys.first();
        let is_due = newest
            .is_none_or(|key| ctx.now.duration_since(key.created_at) >= self.policy.key_lifetime);
        if is_due {
            self.replace_key(ctx, &keys).await?;
        }
        self.drop_expired_keys(ctx, &keys).await?;
        Ok(())
    }

    /// Creates a new key and returns it. Session tokens are signed with it at once, audience tokens only after services had
    /// time to reload the JWKS. Requires a recent proof of an admin.
    #[tracing::instrument(name = "rotate_keys", level = "trace", skip_all)]
    pub async fn rotate(&self, ctx: &Ctx) -> Result<KeyUse, KeysError> {
        self.access
            .ensure_reauthenticated(ctx, Action::RotateKeys, NO_USER)
            .await?;
        let keys = self.key_store.list().await?;
        let keys = self.replace_key(ctx, &keys).await?;
        let mut uses = self.uses(ctx.now, keys).into_iter();
        let current = uses.find(|key| key.signs_sessions);
        Ok(current.ok_or(Error::Internal("the new key did not load"))?)
    }

    /// Revokes a key: removes it from the JWKS and from verification, on this node at once and on every other node
    /// when it next [polls](Self::poll). Tokens that it signed become invalid, so their users must sign in
    /// again. If it is the signing key, the same transaction creates a new one. Returns the `kid` of the current
    /// signing key. Fails with [`Error::NotFound`] if the key is unknown.
    pub async fn revoke(&self, ctx: &Ctx, kid: &str) -> Result<String, KeysError> {
        ensure_operator(ctx)?;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let keys = self.key_store.list().await?;
            let revoked = keys.iter().find(|key| key.kid == kid);
            let signs = revoked.ok_or(Error::NotFound)?.retired_at.is_none();
            let mut batch = Batch::new();
            if signs {
                let key = self.generate_key(ctx, &keys);
                batch.extend(rotation(&key, &keys));
            }
            batch.push(Write::delete::<SigningKey>(kid));
            self.writer.emit(ctx, Event::KeyRevoked { kid }, &mut batch);
            match self.writer.apply(batch).await {
                Ok(()) => {
                    self.key_store.load().await?;
                    let current = self.keyring.signing_key().map(|(kid, _)| kid);
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
        let stored: Vec<SigningKey> = self.store.get_all(loaded).await?;
        match self.keyring.is_current(&stored) {
            true => Ok(()),
            false => self.key_store.refresh(RefreshReason::Poll).await,
        }
    }

    /// Returns the public keys that this node has loaded.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.keyring.public_keys()
    }

    /// Returns the public keys for the JWKS. Reloads them first, since a service may query a node that has not
    /// loaded another node's new key yet. If that fails, returns the loaded keys.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn fresh_public_keys(&self) -> Vec<PublicKey> {
        match timeout(JWKS_TIMEOUT, self.key_store.refresh(RefreshReason::Poll)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(error = %chain(&error), "serving cached JWKS: failed to load keys");
            }
            Err(_) => tracing::warn!("serving cached JWKS: timed out loading keys"),
        }
        self.public_keys()
    }

    /// Creates a key that replaces these. Returns the stored keys.
    async fn replace_key(
        &self,
        ctx: &Ctx,
        keys: &[SigningKey],
    ) -> Result<Vec<SigningKey>, KeysError> {
        let key = self.generate_key(ctx, keys);
        let mut batch = self.access.admin_check(ctx);
        batch.extend(rotation(&key, keys));
        let rotated = Event::KeyRotated { kid: &key.kid };
        self.writer.emit(ctx, rotated, &mut batch);
        match self.writer.apply(batch).await {
            // If another node was faster, its key is used.
            Ok(()) | Err(WriteError::Stale | WriteError::Taken(_)) => {}
            Err(other) => return Err(Error::from(other).into()),
        }
        self.key_store.load().await
    }

    /// What the keys are used for, which are the newest first.
    fn uses(&self, now: Timestamp, keys: Vec<SigningKey>) -> Vec<KeyUse> {
        let kid = |key: &SigningKey| key.kid.clone();
        let of_sessions = keys.iter().find(|key| key.retired_at.is_none()).map(kid);
        let of_audience_tokens = self.keyring.key_known_since(now - JWKS_LEAD_TIME);
        let lifetime = self.retired_lifetime();
        let key_use = |key: SigningKey| KeyUse {
            signs_sessions: of_sessions.as_ref() == Some(&key.kid),
            signs_audience_tokens: of_audience_tokens.as_ref() == Some(&key.kid),
            verifies_until: key.retired_at.map(|at| at + lifetime),
            key,
        };
        keys.into_iter().map(key_use).collect()
    }

    /// Time for which a retired key is stored.
    fn retired_lifetime(&self) -> SignedDuration {
        self.policy.session_lifetime + ROTATION_MARGIN
    }

    /// A key that follows the newest of these.
    fn generate_key(&self, ctx: &Ctx, keys: &[SigningKey]) -> SigningKey {
        let position = keys.first().map_or(1, |newest| newest.position + 1);
        self.keyring.generate(position, ctx.now, &*self.random)
    }

    async fn drop_expired_keys(&self, ctx: &Ctx, keys: &[SigningKey]) -> Result<(), Error> {
        let outlived = self.retired_lifetime();
        let expired = keys.iter().filter(|key| {
            key.retired_at
                .is_some_and(|at| ctx.now.duration_since(at) > outlived)
        });
        for key in expired {
            let delete = Write::delete::<SigningKey>(key.kid.as_str());
            self.writer.apply(vec![delete]).await?;
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
