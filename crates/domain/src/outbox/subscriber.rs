//! The mails of an event. A kind of mail that no event queues is never sent.

use std::sync::Arc;

use super::QueuedMails;
use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::events::{Event, Subscriber, UnusualSignIn};
use crate::factors::FEW_RECOVERY_CODES;
use crate::model::{InvitationDelivery, JobStatus, MailJob, MailKind, RequestedBy, User};
use crate::store::{Batch, Write};
use crate::values::{EmailAddress, Identifier, JobId, Locale, UserId};

/// Queues the mails about an event.
pub(crate) struct MailSubscriber {
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) queued_mails: Arc<QueuedMails>,
}

impl Subscriber for MailSubscriber {
    fn on_event(&self, ctx: &Ctx, event: &Event<'_>, batch: &mut Batch) {
        let id = || JobId::generate(ctx.now, &*self.random);
        let mut queue = |mail: MailJob| batch.push(Write::insert(&mail));
        let mut notify = |kind, user: &User| {
            if let Some(email) = user.mail_address() {
                queue(to_user(ctx, id(), kind, user, email));
            }
        };
        match *event {
            Event::SignedUp {
                user,
                confirm: Some(email),
            } => queue(to_user(ctx, id(), MailKind::SignUp, user, email)),
            Event::Invited { user, invitation }
                if invitation.delivery == InvitationDelivery::Mail =>
            {
                if let Some(email) = user.pending_address() {
                    queue(to_user(ctx, id(), MailKind::Invitation, user, email));
                }
            }
            // An address that the invitation has not confirmed is confirmed like that of a sign-up.
            Event::InvitationAccepted { user } => {
                if let Some(email) = user.pending_address() {
                    queue(to_user(ctx, id(), MailKind::SignUp, user, email));
                }
            }
            Event::ConfirmationRequested { email, .. } => {
                let kind = MailKind::ConfirmationResend;
                queue(new_mail(ctx, id(), kind, None, email, ctx.client.locale));
            }
            Event::RecoveryRequested { email, mail, .. } => {
                let kind = MailKind::Recovery;
                queue(new_mail(ctx, mail, kind, None, email, ctx.client.locale));
            }
            Event::PasswordSet { user, .. } => notify(MailKind::PasswordChanged, user),
            Event::FirstFactorAdded { user, .. } => notify(MailKind::FirstFactorAdded, user),
            Event::FactorAdded { user, .. } => notify(MailKind::FactorAdded, user),
            Event::FactorRemoved { user, .. } => notify(MailKind::FactorRemoved, user),
            Event::RecoveryCodesRenewed { user } => notify(MailKind::RecoveryCodesRenewed, user),
            Event::RecoveryCodeUsed { user, remaining } => {
                notify(
                    match remaining > FEW_RECOVERY_CODES {
                        true => MailKind::RecoveryCodeUsed,
                        false => MailKind::RecoveryCodesLow,
                    },
                    user,
                );
            }
            Event::DeletionRequested { user, .. } => notify(MailKind::DeletionRequested, user),
            Event::DeletionCancelled { user, .. } => notify(MailKind::DeletionCancelled, user),
            Event::TestMailRequested { user, mail } => {
                if let Some(email) = user.mail_address() {
                    queue(to_user(ctx, mail, MailKind::Test, user, email));
                }
            }
            Event::DeletionReminded { user } => notify(MailKind::DeletionReminder, user),
            Event::EmailChangeRequested { user } => {
                if let Some(new) = user.pending_address() {
                    queue(to_user(ctx, id(), MailKind::EmailChange, user, new));
                }
                // The old address may be why an admin changes it, so it cannot undo the change.
                let notice = match is_requested_by_admin(user) {
                    true => MailKind::EmailChangeNotice,
                    false => MailKind::EmailChangeUndo,
                };
                if let Some(old) = user.mail_address() {
                    queue(to_user(ctx, id(), notice, user, old));
                }
            }
            Event::EmailConfirmed { before } => {
                let old = before.mail_address();
                if let Some(old) = old.filter(|_| !is_requested_by_admin(before)) {
                    queue(to_user(ctx, id(), MailKind::EmailChanged, before, old));
                }
            }
            Event::FactorsUndone { before, link, .. } => match before.mail_address() {
                Some(own) if link.was_mailed_to(Some(own)) => {
                    queue(new_mail(
                        ctx,
                        id(),
                        MailKind::Recovery,
                        None,
                        own,
                        before.mail_locale(),
                    ));
                }
                // The address was changed since. If a thief did it, that change is undone first.
                _ => notify(MailKind::FactorRemoved, before),
            },
            Event::EmailChangeUndone { before, link, .. } => {
                if let Some(restored) = &link.email {
                    let (kind, locale) = (MailKind::Recovery, before.mail_locale());
                    queue(new_mail(ctx, id(), kind, None, restored, locale));
                }
                let removed = before.mail_address();
                if let Some(removed) = removed.filter(|email| !link.was_mailed_to(Some(email))) {
                    queue(to_user(
                        ctx,
                        id(),
                        MailKind::EmailChangeUndone,
                        before,
                        removed,
                    ));
                }
            }
            Event::SignedIn {
                user,
                unusual: Some(unusual),
            } => {
                if let Some(email) = user.mail_address() {
                    queue(sign_in_notice(ctx, id(), user, email, unusual));
                }
            }
            Event::CodesLockedOut { user } if self.queued_mails.ensure_not_full().is_ok() => {
                notify(MailKind::CodeLockout, user);
            }
            // The notice is dropped if the outbox is full.
            Event::LockedOut {
                account,
                identifier,
            } if self.queued_mails.ensure_not_full().is_ok() => {
                queue_lockout(ctx, id(), account, identifier, &mut queue);
            }
            _ => {}
        }
    }
}

fn is_requested_by_admin(user: &User) -> bool {
    let pending = user.pending_email.as_ref();
    pending.is_some_and(|pending| pending.requested_by == RequestedBy::Admin)
}

fn sign_in_notice(
    ctx: &Ctx,
    id: JobId,
    user: &User,
    email: &EmailAddress,
    unusual: &UnusualSignIn,
) -> MailJob {
    let kind = match unusual.after_failures {
        true => MailKind::SignInAfterFailures,
        false => MailKind::NewSignIn,
    };
    MailJob {
        device: unusual.device.clone(),
        ..to_user(ctx, id, kind, user, email)
    }
}

/// An address gets the same write whether or not it has an account: the worker then finds no recipient. A
/// username is public: the number of writes may reveal whether it has a mailbox.
fn queue_lockout(
    ctx: &Ctx,
    id: JobId,
    account: Option<&User>,
    identifier: &Identifier,
    queue: &mut impl FnMut(MailJob),
) {
    let kind = MailKind::Lockout;
    match identifier {
        Identifier::Email(email) => {
            queue(new_mail(ctx, id, kind, None, email, ctx.client.locale));
        }
        Identifier::Username(_) => {
            if let Some((user, email)) = account.and_then(|user| Some((user, user.mail_address()?)))
            {
                queue(to_user(ctx, id, kind, user, email));
            }
        }
    }
}

fn to_user(ctx: &Ctx, id: JobId, kind: MailKind, user: &User, email: &EmailAddress) -> MailJob {
    new_mail(ctx, id, kind, Some(user.id), email, user.mail_locale())
}

fn new_mail(
    ctx: &Ctx,
    id: JobId,
    kind: MailKind,
    user_id: Option<UserId>,
    email: &EmailAddress,
    locale: Locale,
) -> MailJob {
    MailJob {
        id,
        kind,
        user_id,
        email: email.clone(),
        locale,
        device: None,
        created_at: ctx.now,
        attempts: 0,
        due_at: ctx.now,
        failed_at: None,
        status: JobStatus::Waiting,
        failed_attempts: 0,
        last_error: None,
    }
}
