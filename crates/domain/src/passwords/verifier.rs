//! Verifies a password: at sign-in, and wherever a client presents one.
//!
//! An unknown account and a wrong password cost the same work and get the same response: one hash for
//! a username, and two for an address, which may have an owner and a user with it as a pending address. The
//! account's status is reported only if the password is correct. An attempt is counted before its result is known
//! for the account that it targets.

use std::sync::Arc;

use super::account::AccountLookup;
use super::attempts::{PasswordAttempt, PasswordAttempts};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::model::{AuditKind, Credential, Lockout, Status, User};
use crate::passwords::hashing::{HashClient, Hasher, Verification};
use crate::policy::Policy;
use crate::store::{Batch, ReadStore, Records};
use crate::values::{EmailAddress, Identifier, Password, Refusal, UserId};
use crate::writer::Writer;

/// The id that no user has.
fn unknown_user_id() -> UserId {
    UserId::from_bytes([0; 16])
}

/// The id and the security epoch of a user; without one, those that no user has.
fn target(owner: Option<&User>) -> (UserId, i64) {
    owner.map_or_else(
        || (unknown_user_id(), User::FIRST_EPOCH),
        |user| (user.id, user.security_epoch),
    )
}

/// A user whose password was verified. The wrong ones before it stay counted until the caller clears them with
/// [`PasswordAttempts::clear`]: a correct password that still needs a second factor clears nothing.
pub(crate) struct VerifiedUser {
    /// The user; without `data` if it was found by a name ([`PasswordVerifier::load_data`]).
    pub(crate) user: User,
    /// The attempt, as it was counted; `None` for a user whose address is pending, whose attempts stay counted.
    pub(crate) attempt: Option<PasswordAttempt>,
}

impl VerifiedUser {
    fn new(user: User, attempt: Option<PasswordAttempt>) -> Self {
        Self { user, attempt }
    }
}

/// Verifies passwords.
pub(crate) struct PasswordVerifier {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) password_attempts: Arc<PasswordAttempts>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) writer: Arc<Writer>,
}

impl PasswordVerifier {
    /// Finds the users that an identifier matches. Makes the same number of queries whether or not they exist.
    pub(crate) async fn find_account(
        &self,
        identifier: &Identifier,
    ) -> Result<AccountLookup, Error> {
        let store = &self.store;
        match identifier {
            Identifier::Username(username) => {
                let owner = store.find(User::USERNAME_KEY, username.key()).await?;
                Ok(AccountLookup {
                    owner,
                    ..AccountLookup::default()
                })
            }
            Identifier::Email(email) => {
                // An unreadable row must not prevent the owner's sign-in.
                let pending = User::with_pending_email(email.key()).limit(1);
                let (owner, mut pending) = tokio::try_join!(
                    store.find(User::EMAIL_KEY, email.key()),
                    store.list_readable(pending),
                )?;
                Ok(AccountLookup {
                    owner,
                    pending: pending.pop(),
                    by_email: true,
                })
            }
        }
    }

    /// Verifies a password and returns its user. Every password that a client presents is verified here.
    ///
    /// For an address, the password is compared with the owner's hash (or a decoy) and then with that of the
    /// newest user who has it as a pending address (or a decoy), so that neither the response nor its time reveals
    /// whether the address has an owner.
    pub(crate) async fn verify_password(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        lookup: AccountLookup,
        password: &Password,
        kind: AuditKind,
    ) -> Result<VerifiedUser, Error> {
        let (audited, target) = (lookup.user_id(), target(lookup.owner.as_ref()));
        let owner = lookup.owner.as_ref();
        let (attempt, lockout, stored) = tokio::join!(
            self.password_attempts.begin(ctx, identifier, owner),
            self.store.get::<Lockout>(target.0),
            self.store.get::<Credential>(target.0),
        );
        // A denial comes before an error of the reads.
        let attempt = attempt?;
        let hash_client = attempt.hash_client(ctx);
        let verified = async {
            let lockout = lockout?;
            // A lockout outlives its counters. A locked-out account gets the response of an unknown one, after the
            // same work: a different one would reveal that it exists.
            let can_verify = |user: &&User| !attempt.is_locked_out(user, lockout.as_ref());
            let account = (owner.filter(can_verify).cloned(), stored?);
            self.try_password(ctx, &hash_client, account, password)
                .await
        };
        match verified.await {
            Ok(None) => {}
            Ok(Some(user)) => return Ok(VerifiedUser::new(user, Some(attempt))),
            Err(error) => {
                self.password_attempts.release(ctx, &attempt).await;
                return Err(error);
            }
        }
        // The wrong password for the owner stays counted, even if the pending user's password is correct.
        // Otherwise an attacker could clear the count by signing up with the owner's address and a password of
        // their own.
        let mut batch = self
            .password_attempts
            .count_wrong(ctx, &attempt, identifier, owner, target)
            .await?;
        let unconfirmed = match lookup.by_email {
            false => Ok(None),
            true => {
                self.try_pending(ctx, &hash_client, lookup.pending, password)
                    .await
            }
        };
        if let Ok(None) = unconfirmed {
            self.emit_refusal(ctx, audited, kind, &mut batch);
        }
        if !batch.is_empty() {
            self.writer.apply(batch).await?;
        }
        let user = unconfirmed?.ok_or_else(|| self.refusal(audited))?;
        Ok(VerifiedUser::new(user, None))
    }

    /// Verifies a password like [`Self::verify_password`], and that its account can sign in by this identifier.
    pub(crate) async fn verify_sign_in(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        lookup: AccountLookup,
        password: &Password,
        kind: AuditKind,
    ) -> Result<VerifiedUser, Error> {
        let verified = self
            .verify_password(ctx, identifier, lookup, password, kind)
            .await?;
        let allowed = self
            .ensure_can_sign_in(ctx, identifier, &verified.user, kind)
            .await;
        if let Err(refusal) = allowed {
            self.password_attempts.clear(&verified).await?;
            return Err(refusal);
        }
        Ok(verified)
    }

    /// Adds the `data` that look-ups by name do not read. The other fields stay as they were when the password was
    /// verified: a write of this user fails if it has changed since.
    pub(crate) async fn load_data(&self, user: &User) -> Result<User, Error> {
        let mut user = user.clone();
        if user.data.read().is_none() {
            let whole: Option<User> = self.store.get(user.id).await?;
            user.data = whole.ok_or(Error::InvalidCredentials)?.data;
        }
        Ok(user)
    }

    /// Returns the user with the pending address if the password is theirs.
    async fn try_pending(
        &self,
        ctx: &Ctx,
        hash_client: &HashClient,
        pending: Option<User>,
        password: &Password,
    ) -> Result<Option<User>, Error> {
        let stored = self.store.get(target(pending.as_ref()).0).await?;
        self.try_password(ctx, hash_client, (pending, stored), password)
            .await
    }

    /// Returns the candidate if the password is the stored one. Does the same work if there is no candidate.
    async fn try_password(
        &self,
        ctx: &Ctx,
        hash_client: &HashClient,
        (candidate, stored): (Option<User>, Option<Credential>),
        password: &Password,
    ) -> Result<Option<User>, Error> {
        let stored = stored.filter(|_| candidate.is_some());
        let hash = stored.as_ref().map(|credential| &credential.data);
        let verification = self.hasher.verify(hash_client, password, hash).await?;
        let Some(user) = candidate.filter(|_| verification.is_match()) else {
            return Ok(None);
        };
        if let (Verification::MatchNeedsRehash(newer), Some(old)) = (verification, stored) {
            let newer = Credential::password(user.id, newer, ctx.now);
            // It is stale if the password was changed in the meantime.
            let replace = vec![newer.replace(Some(&old.data))];
            self.writer.apply_unless_stale(replace).await?;
        }
        Ok(Some(user))
    }

    /// Emits that a password was refused.
    fn emit_refusal(&self, ctx: &Ctx, user_id: Option<UserId>, kind: AuditKind, batch: &mut Batch) {
        let reason = match user_id {
            Some(_) => Refusal::WrongPassword,
            None => Refusal::UnknownAccount,
        };
        let refused = Event::Refused {
            kind,
            user_id,
            reason,
        };
        self.writer.emit(ctx, refused, batch);
    }

    /// The error for a client whose password was refused.
    fn refusal(&self, user_id: Option<UserId>) -> Error {
        match user_id {
            _ if self.policy.enumeration_protection => Error::InvalidCredentials,
            Some(_) => Error::WrongPassword,
            None => Error::UnknownAccount,
        }
    }

    /// Fails if the account cannot sign in by this identifier. The caller has verified the password: the error
    /// reveals the account's status.
    pub(crate) async fn ensure_can_sign_in(
        &self,
        ctx: &Ctx,
        identifier: &Identifier,
        user: &User,
        kind: AuditKind,
    ) -> Result<(), Error> {
        let is_confirmed = match identifier {
            Identifier::Username(_) => true,
            Identifier::Email(email) => {
                user.email.as_ref().map(EmailAddress::key) == Some(email.key())
            }
        };
        let (refusal, reason) = match user.status {
            Status::Active if is_confirmed => return Ok(()),
            Status::Active | Status::Pending => {
                (Error::EmailUnconfirmed, Refusal::EmailNotConfirmed)
            }
            Status::Disabled => (Error::AccountDisabled, Refusal::AccountDisabled),
        };
        let refused = Event::Refused {
            kind,
            user_id: Some(user.id),
            reason,
        };
        self.writer.emit_now(ctx, refused).await?;
        Err(refusal)
    }
}
