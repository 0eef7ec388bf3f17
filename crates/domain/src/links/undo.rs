//! The steps that the undo links share: that of an address change, and that of a first second factor (M-02).
//!
//! Anyone who knows a user's password can change the account's address to their own, or add a factor of their own. The mail
//! about it goes to the address that the account had, and its link is valid for days: it survives security events and
//! address changes by the user. Using it ends every session, replaces the password, removes factors, cancels a deletion that
//! was requested, and mails a recovery link. A link is void when it is used or expired, when the user's `void_undo_links`
//! cover it, and when the user is disabled. Viewing it changes nothing.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};

use super::find_unexpired_link;
use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::deletion::cancellation_writes;
use crate::error::{Error, WriteError};
use crate::events::{CancelledWith, Event};
use crate::factors::recovery_grant::RecoveryGrant;
use crate::factors::store::{FactorStore, RemovedFactors};
use crate::metric_event::SessionEnd;
use crate::model::{AuditKind, Credential, Link, Purpose, User};
use crate::passwords::hashing::{HashClient, Hasher};
use crate::policy::Policy;
use crate::sessions::SessionEnder;
use crate::store::{Batch, ReadStore, Write};
use crate::values::{Password, Refusal, Secret, Token};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// Time before an address change in which an added factor is a part of the attack. The attacker may have added it first.
const FACTORS_BEFORE_CHANGE: SignedDuration = SignedDuration::from_hours(3 * 24);

/// What an undo link undoes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Undo {
    /// An address change.
    EmailChange,
    /// The enrolment of the first second factor.
    FirstFactor,
}

impl Undo {
    fn purpose(self) -> Purpose {
        match self {
            Self::EmailChange => Purpose::EmailUndo,
            Self::FirstFactor => Purpose::FactorUndo,
        }
    }

    fn audit_kind(self) -> AuditKind {
        match self {
            Self::EmailChange => AuditKind::EmailChangeUndone,
            Self::FirstFactor => AuditKind::FactorsUndone,
        }
    }

    /// Factors that were added since then are removed.
    fn removes_since(self, link: &Link) -> Timestamp {
        match self {
            Self::EmailChange => link.requested_at - FACTORS_BEFORE_CHANGE,
            Self::FirstFactor => Timestamp::MIN,
        }
    }
}

/// Finds and uses undo links.
pub(crate) struct UndoLinks {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) writer: Arc<Writer>,
    pub(crate) hasher: Arc<Hasher>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) factor_store: Arc<FactorStore>,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) policy: Arc<Policy>,
}

impl UndoLinks {
    /// Returns a valid undo link and its user. Fails with [`Error::LinkExpired`] if there is none.
    pub(crate) async fn find(
        &self,
        ctx: &Ctx,
        token: &Token,
        undo: Undo,
    ) -> Result<(Link, User), Error> {
        let found = find_unexpired_link(&*self.store, ctx, token, undo.purpose()).await?;
        let (link, user) = &found;
        let is_void = user.undo_link_is_void(link.requested_at);
        match link.used_at.is_none() && !is_void {
            true => Ok(found),
            false => Err(Error::LinkExpired),
        }
    }

    /// Uses an undo link. Returns `true` if that turned off two-factor sign-in. Fails with [`Error::LinkExpired`], and changes
    /// nothing, if another user has confirmed the address that it restores.
    pub(crate) async fn undo(&self, ctx: &Ctx, token: &Token, undo: Undo) -> Result<bool, Error> {
        self.find(ctx, token, undo).await?;
        let locked = self.locked_password().await?;
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let (link, user) = self.find(ctx, token, undo).await?;
            let since = undo.removes_since(&link);
            let removed = self.factor_store.deletions_since(ctx, &user, since).await?;
            let turns_off = removed.turns_off;
            let mut batch = self.undo_writes(ctx, undo, (&link, &user), locked.clone(), removed);
            let (store, with) = (&*self.store, CancelledWith::MailedLink);
            let cancelled = cancellation_writes(store, &self.writer, ctx, &user, with);
            batch.extend(cancelled.await?);
            match self.writer.apply(batch).await {
                Ok(()) => {
                    let (epoch, reason) = (user.security_epoch + 1, SessionEnd::AccountChanged);
                    self.session_ender
                        .end_sessions(ctx, user.id, epoch, reason, None)
                        .await;
                    return Ok(turns_off);
                }
                // The link was used, or the user or the factors changed in between: read them again.
                Err(WriteError::Stale) => {}
                Err(WriteError::Taken(User::EMAIL_KEY)) => {
                    let refused = Event::Refused {
                        kind: undo.audit_kind(),
                        user_id: Some(user.id),
                        reason: Refusal::AddressTaken,
                    };
                    self.writer.emit_now(ctx, refused).await?;
                    return Err(Error::LinkExpired);
                }
                // The first factor was added in between.
                Err(WriteError::Taken(_)) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }

    /// Returns the hash of a random password. The password itself is discarded.
    async fn locked_password(&self) -> Result<Secret<String>, Error> {
        let random = Token::generate(&*self.random).expose();
        let random = Password::parse(&random)
            .map_err(|_| Error::Internal("a random password cannot be one"))?;
        // The link was mailed to the owner, so a flood of unknown clients must not reject its user.
        self.hasher.hash(&HashClient::known_device(), &random).await
    }

    fn undo_writes(
        &self,
        ctx: &Ctx,
        undo: Undo,
        (link, user): (&Link, &User),
        locked: Secret<String>,
        removed: RemovedFactors,
    ) -> Batch {
        let mut changed = User {
            pending_email: None,
            deletion: None,
            security_epoch: user.security_epoch + 1,
            ..user.next_version(ctx.now)
        };
        if undo == Undo::EmailChange {
            changed.email.clone_from(&link.email);
            // An older link restores an earlier address, and stays valid.
            changed.void_undo_links = user.voiding_undo_links(
                link.requested_at,
                ctx.now,
                self.policy.email_undo_lifetime,
            );
        }
        let credential = Credential::password(user.id, locked, ctx.now);
        let mut batch = changed.replace(user);
        batch.extend([
            link.mark_used(ctx.now),
            Write::put(&credential),
            // The new password is not that of a recovery.
            RecoveryGrant::write(user.id, None),
        ]);
        batch.extend(removed.writes);
        if undo == Undo::EmailChange && removed.turns_off {
            let user_id = user.id;
            self.writer
                .emit(ctx, Event::TwoFactorTurnedOff { user_id }, &mut batch);
        }
        let (before, removed) = (user, removed.count);
        let undone = match undo {
            Undo::EmailChange => Event::EmailChangeUndone {
                before,
                link,
                removed,
            },
            Undo::FirstFactor => Event::FactorsUndone {
                before,
                link,
                removed,
            },
        };
        self.writer.emit(ctx, undone, &mut batch);
        batch
    }
}
