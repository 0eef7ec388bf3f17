//! Signing keys: made at first start, rotated by age or by hand, kept until no token of theirs lives.

use std::sync::atomic::Ordering;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::time::timeout;

use crate::accounts::Accounts;
use crate::changes::{ApplyError, Change};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Event, SigningKey};
use crate::tokens::{KeyringError, PublicKey};

/// Nodes that have not heard of a new key yet go on signing with the old one for a while.
const ROTATION_MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// What the JWKS waits for a store at most: whoever checks tokens is better served with the keys of
/// a moment ago than not at all.
const SHOW_WITHIN: Duration = Duration::from_secs(1);

/// Why the keys cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum KeysError {
    /// The store's keys cannot be opened.
    #[error(transparent)]
    Keyring(#[from] KeyringError),
    /// Anything else.
    #[error(transparent)]
    Other(#[from] Error),
}

impl Accounts {
    /// Loads the keys, and makes the first one where there is none or the newest is too old. At
    /// start, and by the worker now and then.
    pub async fn ensure_keys(&self, ctx: &Ctx) -> Result<(), KeysError> {
        let keys = self.load_keys().await?;
        let newest = keys.first();
        let is_due = newest
            .is_none_or(|key| ctx.now.duration_since(key.created_at) >= self.policy.key_lifetime);
        if is_due {
            self.replace_key(ctx, newest.map(|key| key.kid.clone()))
                .await?;
        }
        self.drop_expired_keys(ctx, &keys).await?;
        Ok(())
    }

    /// Signs with a new key from now on.
    pub async fn rotate_keys(&self, ctx: &Ctx) -> Result<String, KeysError> {
        let keys = self.list_keys().await?;
        self.replace_key(ctx, keys.first().map(|key| key.kid.clone()))
            .await?;
        let current = self.keyring.signing_key().map(|(kid, _)| kid);
        Ok(current.ok_or(Error::Internal("the new key did not load"))?)
    }

    /// The keys as the store has them, newest first.
    pub async fn list_keys(&self) -> Result<Vec<SigningKey>, Error> {
        Ok(self.ports.store.list_signing_keys().await?)
    }

    /// The public keys that this node knows.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.keyring.public_keys()
    }

    /// The public keys, for the JWKS. Looked up anew, once a second at the most: whoever checks our
    /// tokens may ask any node, also one that has not heard of another's rotation yet.
    pub async fn fresh_public_keys(&self) -> Vec<PublicKey> {
        let now = self.now().as_second();
        if self.keys_shown_at.swap(now, Ordering::Relaxed) != now {
            match timeout(SHOW_WITHIN, self.load_keys()).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => {
                    tracing::warn!(%error, "the JWKS shows the keys of a moment ago");
                }
                Err(_) => tracing::warn!("the JWKS shows the keys of a moment ago: no answer yet"),
            }
        }
        self.public_keys()
    }

    async fn replace_key(&self, ctx: &Ctx, replaces: Option<String>) -> Result<(), KeysError> {
        let key = self.keyring.generate(ctx.now, &*self.ports.secrets);
        let audit = self.audit_detail(ctx, Event::KeyRotated, None, &key.kid);
        match self
            .apply(vec![Change::RotateSigningKey { key, replaces }, audit])
            .await
        {
            // Stale: another node was faster, and its key is as good.
            Ok(()) | Err(ApplyError::Stale) => {}
            Err(other) => return Err(Error::from(other).into()),
        }
        self.load_keys().await?;
        Ok(())
    }

    async fn load_keys(&self) -> Result<Vec<SigningKey>, KeysError> {
        let keys = self.list_keys().await?;
        self.keyring.load(&keys)?;
        Ok(keys)
    }

    async fn drop_expired_keys(&self, ctx: &Ctx, keys: &[SigningKey]) -> Result<(), Error> {
        let outlived = self.policy.session_lifetime + ROTATION_MARGIN;
        let dead = keys.iter().filter(|key| {
            key.retired_at
                .is_some_and(|at| ctx.now.duration_since(at) > outlived)
        });
        for key in dead {
            self.apply(vec![Change::DeleteSigningKey(key.kid.clone())])
                .await?;
        }
        Ok(())
    }

    /// Looks for a key this node does not know, at most once a second: a flood of forged tokens
    /// must not become a flood of look-ups. Whoever comes during a look waits for its end, since
    /// the first tokens of a new key seldom come alone.
    pub(crate) async fn reload_keys_now_and_then(&self) -> Result<(), Error> {
        let mut looked_at = self.keys_looked_at.lock().await;
        let now = self.now().as_second();
        if *looked_at == Some(now) {
            return Ok(());
        }
        *looked_at = Some(now);
        match self.load_keys().await {
            Ok(_) => Ok(()),
            Err(KeysError::Other(error)) => Err(error),
            Err(KeysError::Keyring(error)) => {
                tracing::error!(%error, "signing keys cannot be loaded");
                Err(Error::Internal("signing keys cannot be loaded"))
            }
        }
    }
}
