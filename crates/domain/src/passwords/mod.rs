//! Changes a user's own password, which requires the current one (P-12), and sets one from the command line.
//!
//! A pending address change stays pending: its link is bound to the pending address, not to the password.
//!
//! - `account`: the accounts that an identifier matches.
//! - `verifier`: verifies a password, at sign-in and wherever a client presents one.
//! - `attempts`: counts the attempts.
//! - `new_password`: the writes of a new password.
//! - `hashing`: hashes and verifies, on a bounded pool of threads.

pub(crate) mod account;
pub(crate) mod attempts;
pub mod hashing;
mod new_password;
pub(crate) mod verifier;

use std::sync::Arc;

use crate::access::{Access, ensure_operator, ensure_version};
use crate::ctx::Ctx;
use crate::error::{Error, WriteError};
use crate::events::NewPasswordReason;
use crate::factors::recovery_grant::RecoveryGrant;
use crate::metric_event::SessionEnd;
use crate::model::{AuditKind, Credential, User, Version};
use crate::passwords::account::{AccountLookup, own_identifier};
use crate::passwords::attempts::PasswordAttempts;
use crate::passwords::hashing::{HashClient, Hasher};
use crate::passwords::verifier::PasswordVerifier;
use crate::policy::Policy;
use crate::reauthentication::{Proof, Reauthentication};
use crate::sessions::SessionEnder;
use crate::store::{ReadStore, Records};
use crate::values::{Identifier, Invalid, NewPassword, Password, Secret};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

pub(crate) use new_password::password_writes;

/// Changes and sets passwords.
pub struct Passwords {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) access: Arc<Access>,
    pub(crate) password_verifier: Arc<PasswordVerifier>,
    pub(crate) password_attempts: Arc<PasswordAttempts>,
    pub(crate) reauthentication: Arc<Reauthentication>,
    pub(crate) writer: Arc<Writer>,
}

impl Passwords {
    /// Changes the password of the signed-in user, or, without a session, of the user that `identifier` names.
    /// Ends every other session. A user with a second factor needs a session, and must have proved the factor recently or
    /// send a code. Fails with [`Error::PreconditionFailed`] if `expected` is set and the user has another version.
    #[tracing::instrument(name = "change_password", level = "trace", skip_all)]
    pub async fn change(
        &self,
        ctx: &Ctx,
        identifier: Option<&Identifier>,
        proof: &Proof,
        new: &Secret<String>,
        expected: Option<Version>,
    ) -> Result<(), Error> {
        let (identifier, lookup) = match (ctx.actor.user_id(), identifier) {
            (Some(id), _) => {
                let user: Option<User> = self.store.get(id).await?;
                let user = user.ok_or(Error::InvalidToken)?;
                (own_identifier(&user)?, AccountLookup::from_user(user))
            }
            (None, Some(identifier)) => (
                identifier.clone(),
                self.password_verifier.find_account(identifier).await?,
            ),
            (None, None) => return Err(Error::AuthenticationRequired),
        };
        let (kind, current) = (AuditKind::PasswordChanged, &proof.password);
        let verified = self
            .password_verifier
            .verify_sign_in(ctx, &identifier, lookup, current, kind)
            .await?;
        // Checked before the code, which a rejected password must not use up.
        let checked = ensure_version(&verified.user, expected).and_then(|()| {
            let personal = verified.user.personal_words();
            self.policy
                .check_new_password("new_password", new.expose(), &personal)
        });
        if checked.is_err() {
            self.password_attempts.release_backoff(ctx, &verified).await;
        }
        let password = checked?;
        self.reauthentication
            .finish_proof(ctx, &verified, proof.code.as_ref(), kind)
            .await?;
        let user = verified.user;
        let hash_client = HashClient::from_ctx(ctx);
        let hash = self
            .hasher
            .hash(&hash_client, password.as_password())
            .await?;
        let authority = Authority::Password(&identifier, current);
        self.write_password(ctx, user, hash, authority, expected)
            .await
    }

    /// Writes a new password hash, and ends every session except the caller's.
    ///
    /// Another write may raise the user's epoch after the current password was verified, for example one that
    /// ends all sessions. The current password is then compared with the stored hash again: if it was replaced,
    /// the result is [`Error::PreconditionFailed`] and nothing is changed.
    async fn write_password(
        &self,
        ctx: &Ctx,
        mut user: User,
        hash: Secret<String>,
        authority: Authority<'_>,
        expected: Option<Version>,
    ) -> Result<(), Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let mut batch =
                password_writes(&self.writer, ctx, &user, hash.clone(), authority.reason());
            // The new password is not that of a recovery.
            batch.push(RecoveryGrant::write(user.id, None));
            match self.writer.apply(batch).await {
                Ok(()) => {
                    let (epoch, reason) = (user.security_epoch + 1, SessionEnd::AccountChanged);
                    self.session_ender
                        .end_sessions(ctx, user.id, epoch, reason, ctx.actor.session_id())
                        .await;
                    return Ok(());
                }
                Err(WriteError::Stale) if expected.is_none() => {
                    let stored: Option<User> = self.store.get(user.id).await?;
                    let stored = stored.ok_or(Error::InvalidToken)?;
                    if stored.security_epoch != user.security_epoch {
                        self.ensure_still_proven(ctx, &stored, &authority).await?;
                    }
                    user = stored;
                }
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    async fn ensure_still_proven(
        &self,
        ctx: &Ctx,
        user: &User,
        authority: &Authority<'_>,
    ) -> Result<(), Error> {
        let Authority::Password(identifier, current) = authority else {
            return Ok(());
        };
        self.password_verifier
            .ensure_can_sign_in(ctx, identifier, user, AuditKind::PasswordChanged)
            .await?;
        let stored = self.store.get::<Credential>(user.id).await?;
        let hash = stored.as_ref().map(|credential| &credential.data);
        let verification = self
            .hasher
            .verify(&HashClient::known_device(), current, hash)
            .await?;
        match verification.is_match() {
            true => Ok(()),
            false => Err(Error::PreconditionFailed),
        }
    }

    /// Sets a password without the current one. Only for the command line: over HTTP, no user can set another
    /// user's password.
    pub async fn set(&self, ctx: &Ctx, named: &str, new: &Secret<String>) -> Result<(), Error> {
        ensure_operator(ctx)?;
        let user = self.access.find_by_name(named).await?;
        let password =
            self.policy
                .check_new_password("password", new.expose(), &user.personal_words())?;
        let hash = self
            .hasher
            .hash(&HashClient::from_ctx(ctx), password.as_password())
            .await?;
        self.write_password(ctx, user, hash, Authority::Operator, None)
            .await
    }

    /// Checks a new password against the rules. `personal` are the user's own names.
    pub fn check_rules(&self, text: &str, personal: &[&str]) -> Result<NewPassword, Invalid> {
        NewPassword::parse(text, &self.policy.password_rules, personal)
    }

    /// Number of passwords that wait for hashing or are being hashed.
    pub fn hashing_queue_depth(&self) -> usize {
        self.hasher.queued()
    }

    /// Maximum number of passwords that wait for hashing or are being hashed.
    pub fn hashing_queue_capacity(&self) -> usize {
        self.hasher.capacity()
    }
}

/// Why a new password may be written.
pub(crate) enum Authority<'a> {
    /// The current password of the account with this identifier was verified.
    Password(&'a Identifier, &'a Password),
    /// The operator sets it on the command line.
    Operator,
}

impl Authority<'_> {
    fn reason(&self) -> NewPasswordReason {
        match self {
            Self::Password(..) => NewPasswordReason::Changed,
            Self::Operator => NewPasswordReason::SetByOperator,
        }
    }
}
