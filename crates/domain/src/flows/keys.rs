//! Signing keys: made at first start, rotated by age or by hand, kept until no token of theirs lives
//! (J-06), and revoked at once where one may be in other hands.

use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::time::timeout;

use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Event, SigningKey};
use crate::ports::StoreError;
use crate::tokens::{KeyringError, PublicKey};

/// Nodes that have not heard of a new key yet go on signing with the old one for a while.
const ROTATION_MARGIN: SignedDuration = SignedDuration::from_hours(1);

/// How often this node looks for keys it does not know. Short, since for so long a key that another
/// node has just made may be refused here while somebody floods it with made-up ones.
const LOOK_EVERY: SignedDuration = SignedDuration::from_millis(100);

/// What the JWKS waits for a store at most: whoever checks tokens is better served with the keys of
/// a moment ago than not at all.
const SHOW_WITHIN: Duration = Duration::from_secs(1);

/// The last looks into the store for keys that this node did not know. Each kind has its own: a key may be
/// made right after somebody has looked for another reason, and the first token of it is not to be refused for
/// that.
#[derive(Default)]
pub(crate) struct KeyLook {
    for_token: Option<Look>,
    to_follow: Option<Look>,
}

#[derive(Clone, Copy)]
struct Look {
    ended_at: Timestamp,
    failed: bool,
}

/// Why this node looks for keys.
#[derive(Clone, Copy)]
pub(crate) enum LookFor {
    /// A token was shown that is signed by one it does not know.
    Token,
    /// It shows the keys, or follows what other nodes do.
    Following,
}

impl KeyLook {
    fn last(&mut self, why: LookFor) -> &mut Option<Look> {
        match why {
            LookFor::Token => &mut self.for_token,
            LookFor::Following => &mut self.to_follow,
        }
    }
}

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

    /// Makes a new key. Sessions are signed with it at once; audience tokens only when whoever keeps the
    /// JWKS has seen it.
    pub async fn rotate_keys(&self, ctx: &Ctx) -> Result<String, KeysError> {
        let keys = self.list_keys().await?;
        self.replace_key(ctx, keys.first().map(|key| key.kid.clone()))
            .await?;
        let current = self.keyring.signing_key().map(|(kid, _)| kid);
        Ok(current.ok_or(Error::Internal("the new key did not load"))?)
    }

    /// Takes a key out of the JWKS and out of verification, here at once, and on every other node when
    /// it next [follows](Self::follow_keys). All tokens it has signed are dead; who has one signs in
    /// again. Where it is the one that signs, a new one takes over in the same step. Gives back the
    /// `kid` that signs from now on.
    pub async fn revoke_key(&self, ctx: &Ctx, kid: &str) -> Result<String, KeysError> {
        for _ in 0..ATTEMPTS {
            let keys = self.list_keys().await?;
            let stolen = keys.iter().find(|key| key.kid == kid);
            let signs = stolen.ok_or(Error::NotFound)?.retired_at.is_none();
            let rotation = signs.then(|| Change::RotateSigningKey {
                key: self.keyring.generate(ctx.now, &*self.ports.secrets),
                replaces: keys.first().map(|key| key.kid.clone()),
            });
            let removal = Change::DeleteSigningKey(kid.to_owned());
            let audit = self.audit_detail(ctx, Event::KeyRevoked, None, kid);
            let changes = rotation.into_iter().chain([removal, audit]).collect();
            match self.apply(changes).await {
                Ok(()) => {
                    self.load_keys().await?;
                    let current = self.keyring.signing_key().map(|(kid, _)| kid);
                    return Ok(current.ok_or(Error::Internal("the new key did not load"))?);
                }
                // Another node has rotated in between.
                Err(ApplyError::Stale) => {}
                Err(other) => return Err(Error::from(other).into()),
            }
        }
        Err(Error::Overloaded.into())
    }

    /// Loads the keys anew where nobody has just now, so that one which was revoked elsewhere is
    /// believed here no longer. By the worker, several times a second.
    pub async fn follow_keys(&self) -> Result<(), Error> {
        self.look_for_keys(LookFor::Following).await
    }

    /// The keys as the store has them, newest first.
    pub async fn list_keys(&self) -> Result<Vec<SigningKey>, Error> {
        Ok(self.ports.store.list_signing_keys().await?)
    }

    /// The public keys that this node knows.
    pub fn public_keys(&self) -> Vec<PublicKey> {
        self.keyring.public_keys()
    }

    /// The public keys, for the JWKS. Looked up anew: whoever checks our
    /// tokens may ask any node, also one that has not heard of another's rotation yet.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn fresh_public_keys(&self) -> Vec<PublicKey> {
        match timeout(SHOW_WITHIN, self.look_for_keys(LookFor::Following)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(%error, "serving cached JWKS: failed to load keys");
            }
            Err(_) => tracing::warn!("serving cached JWKS: timed out loading keys"),
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
        let mut look = self.key_look.lock().await;
        self.load_keys_alone(&mut look).await
    }

    /// One at a time, so that what was read later is loaded later.
    async fn load_keys_alone(&self, _: &mut KeyLook) -> Result<Vec<SigningKey>, KeysError> {
        let keys = self.list_keys().await?;
        if self.keyring.load(&keys)? {
            self.cache.key_is_gone();
        }
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

    /// Looks for keys that this node does not know, for each reason ten times a second at the most: a flood of forged
    /// tokens must not become a flood of look-ups. Whoever comes during a look waits for its end and
    /// takes its outcome, good or bad: the first tokens of a new key seldom come alone, and a store
    /// that is away is waited for once and not in turn.
    pub(crate) async fn look_for_keys(&self, why: LookFor) -> Result<(), Error> {
        let asked_at = self.now();
        let mut look = self.key_look.lock().await;
        let is_recent = |last: &Look| asked_at.duration_since(last.ended_at) < LOOK_EVERY;
        if let Some(last) = look.last(why).filter(is_recent) {
            if last.failed {
                let cause = "loading the keys has just failed";
                return Err(StoreError::new("list signing keys", cause).into());
            }
            return Ok(());
        }
        let loaded = self.load_keys_alone(&mut look).await;
        *look.last(why) = Some(Look {
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
