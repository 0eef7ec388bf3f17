//! Deletion, at once or after some days: requested by the user or an admin, and cancelled by either, or by the mailed link.
//!
//! Until the deletion the account and its names stay, but no one can sign in: a sign-in with the correct password fails
//! with the time of the deletion. The user, who has no session, cancels with the same proof, or with the link that was
//! mailed at the request and again with the reminder. The links of an address change and of a first factor (`links/undo.rs`)
//! cancel it as well. `due` reminds and deletes.

pub(crate) mod due;
mod pending;

use std::sync::Arc;

use crate::access::{Access, Action, Begun, ensure_version, names_user, roster};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{CancelledWith, Event};
use crate::limits::RateLimiter;
use crate::links::find_unexpired_link;
use crate::metric_event::SessionEnd;
use crate::model::{AuditKind, Link, PendingDeletion, Purpose, User, Version};
use crate::passwords::verifier::PasswordVerifier;
use crate::policy::Policy;
use crate::reauthentication::{Proof, Reauthentication};
use crate::sessions::SessionEnder;
use crate::store::{Batch, ReadStore};
use crate::users::removal::UserRemoval;
use crate::values::{DeletionReason, Identifier, Token, UserId, Username};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

pub(crate) use pending::{cancellation_writes, ensure_no_pending_deletion};

/// Requests and cancels deletions, and deletes accounts at once.
pub struct Deletion {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) user_removal: Arc<UserRemoval>,
    pub(crate) access: Arc<Access>,
    pub(crate) rate_limiter: Arc<RateLimiter>,
    pub(crate) password_verifier: Arc<PasswordVerifier>,
    pub(crate) reauthentication: Arc<Reauthentication>,
    pub(crate) writer: Arc<Writer>,
}

impl Deletion {
    /// Requests the deletion of an account, and ends its sessions. Returns the user with the pending deletion. If the policy
    /// has no grace period, the account is deleted at once; then `deletion` of the returned user is `None`. Does nothing if a
    /// deletion is pending already. `reason` is for the audit log. Fails like [`Self::delete`].
    #[tracing::instrument(name = "request_deletion", level = "trace", skip_all)]
    pub async fn request(
        &self,
        ctx: &Ctx,
        named: &str,
        reason: Option<DeletionReason>,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        let action = Action::DeleteUser;
        for attempt in 0..MAX_WRITE_ATTEMPTS {
            let Begun {
                user, mut batch, ..
            } = self.access.begin(ctx, action, named).await?;
            ensure_version(&user, expected)?;
            if user.deletion.is_some() {
                return Ok(user);
            }
            // Once, and not if there is nothing to do.
            if attempt == 0 {
                self.rate_limiter.throttle_deletion(ctx, &user).await?;
            }
            let grace = self.policy.deletion_grace;
            if grace.is_zero() {
                match self
                    .user_removal
                    .delete_user(ctx, &user, reason, batch)
                    .await?
                {
                    true => return Ok(user),
                    false => continue,
                }
            }
            let changed = User {
                deletion: Some(PendingDeletion::after(grace, ctx.now)),
                security_epoch: user.security_epoch + 1,
                ..user.next_version(ctx.now)
            };
            batch.extend(changed.replace(&user));
            batch.extend(roster::roster_change(&*self.store, Some(&user), Some(&changed)).await?);
            let requested = Event::DeletionRequested {
                user: &changed,
                reason,
            };
            self.writer.emit(ctx, requested, &mut batch);
            if self.writer.apply_unless_stale(batch).await? {
                let (epoch, end) = (changed.security_epoch, SessionEnd::AccountChanged);
                self.session_ender
                    .end_sessions(ctx, user.id, epoch, end, None)
                    .await;
                return Ok(changed);
            }
        }
        Err(Error::Overloaded)
    }

    /// Cancels the deletion of a user, for an admin who has entered the password recently. Fails with
    /// [`Error::NotFound`] if none is pending.
    #[tracing::instrument(name = "cancel_deletion", level = "trace", skip_all)]
    pub async fn cancel(
        &self,
        ctx: &Ctx,
        named: &str,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        let action = Action::CancelDeletion;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let Begun {
                user, mut batch, ..
            } = self.access.begin(ctx, action, named).await?;
            ensure_version(&user, expected)?;
            let (kept, writes) = self.cancelled(ctx, &user, CancelledWith::Password).await?;
            batch.extend(writes);
            if self.writer.apply_unless_stale(batch).await? {
                return Ok(kept);
            }
        }
        Err(Error::Overloaded)
    }

    /// Cancels the deletion of the user whose password, and second factor if there is one, the request contains. Opens
    /// no session. Fails with [`Error::NotFound`] if none is pending, and with [`Error::Forbidden`] if `named`, the user
    /// in the path, is another one.
    #[tracing::instrument(name = "cancel_own_deletion", level = "trace", skip_all)]
    pub async fn cancel_with_proof(
        &self,
        ctx: &Ctx,
        (named, identifier): (&str, &Identifier),
        proof: &Proof,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        let kind = AuditKind::DeletionCancelled;
        let lookup = self.password_verifier.find_account(identifier).await?;
        let verified = self
            .password_verifier
            .verify_sign_in(ctx, identifier, lookup, &proof.password, kind)
            .await?;
        let user = self.password_verifier.load_data(&verified.user).await?;
        self.reauthentication
            .finish_proof(ctx, &verified, proof.code.as_ref(), kind)
            .await?;
        let username_key = user.username.as_ref().map(Username::key);
        if !names_user(named, user.id, username_key) {
            return Err(Error::Forbidden);
        }
        ensure_version(&user, expected)?;
        let (kept, batch) = self.cancelled(ctx, &user, CancelledWith::Password).await?;
        // If the user has changed since, the proof may no longer be valid.
        self.writer.apply(batch).await?;
        Ok(kept)
    }

    /// Deletes an account at once: the user, the credential, the links, the mails and the sessions. Returns the user's id. Fails for
    /// the last active admin, and if the actor has not entered the password recently.
    #[tracing::instrument(name = "delete_account", level = "trace", skip_all)]
    pub async fn delete(
        &self,
        ctx: &Ctx,
        named: &str,
        expected: Option<Version>,
    ) -> Result<UserId, Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let begun = self.access.begin(ctx, Action::DeleteUser, named).await?;
            let Begun { user, batch, .. } = begun;
            ensure_version(&user, expected)?;
            if self
                .user_removal
                .delete_user(ctx, &user, None, batch)
                .await?
            {
                return Ok(user.id);
            }
        }
        Err(Error::Overloaded)
    }

    /// Returns a valid undo link, for the page that shows what it does. It expires with the deletion. Fails with
    /// [`Error::LinkExpired`] otherwise.
    #[tracing::instrument(name = "view_deletion_undo", level = "trace", skip_all)]
    pub async fn view_undo(&self, ctx: &Ctx, token: &Token) -> Result<Link, Error> {
        Ok(self.find_undo_link(ctx, token).await?.0)
    }

    /// Cancels the deletion and uses the link. Fails with [`Error::LinkExpired`] if it is void.
    #[tracing::instrument(name = "undo_deletion", level = "trace", skip_all)]
    pub async fn undo(&self, ctx: &Ctx, token: &Token) -> Result<(), Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let (link, user) = self.find_undo_link(ctx, token).await?;
            let (_, mut batch) = self
                .cancelled(ctx, &user, CancelledWith::MailedLink)
                .await?;
            batch.push(link.mark_used(ctx.now));
            // If the link was used or the user changed in between, both are read again.
            if self.writer.apply_unless_stale(batch).await? {
                return Ok(());
            }
        }
        Err(Error::Overloaded)
    }

    /// Returns the user without the pending deletion, and the writes. Fails with [`Error::NotFound`] if none is pending.
    async fn cancelled(
        &self,
        ctx: &Ctx,
        user: &User,
        with: CancelledWith,
    ) -> Result<(User, Batch), Error> {
        if user.deletion.is_none() {
            return Err(Error::NotFound);
        }
        let kept = User {
            deletion: None,
            ..user.next_version(ctx.now)
        };
        let mut batch = kept.replace(user);
        batch.extend(cancellation_writes(&*self.store, &self.writer, ctx, user, with).await?);
        Ok((kept, batch))
    }

    async fn find_undo_link(&self, ctx: &Ctx, token: &Token) -> Result<(Link, User), Error> {
        let purpose = Purpose::DeletionUndo;
        let (link, user) = find_unexpired_link(&*self.store, ctx, token, purpose).await?;
        let deletion_at = user.deletion.map(|deletion| deletion.at);
        let is_valid = link.used_at.is_none()
            && deletion_at == Some(link.expires_at)
            && !user.undo_link_is_void(link.requested_at);
        match is_valid {
            true => Ok((link, user)),
            false => Err(Error::LinkExpired),
        }
    }
}
