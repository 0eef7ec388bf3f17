//! The audit event of an event.

use std::sync::Arc;

use super::limits::AuditLimits;
use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::events::{CancelledWith, Event, NewPasswordReason, Subscriber};
use crate::model::{AuditEvent, AuditKind, MailJob, Outcome, RequestedBy, Status, User};
use crate::store::{Batch, Write};
use crate::values::{AuditEventIds, DeletionReason, Role, UserId};

/// The part of an audit event that depends on what happened.
struct AuditEntry {
    kind: AuditKind,
    outcome: Outcome,
    user_id: Option<UserId>,
    detail: Option<String>,
}

/// Writes an audit event for each event that has one.
pub(crate) struct AuditSubscriber {
    ids: AuditEventIds,
    random: Arc<dyn RandomSource>,
    limits: Arc<AuditLimits>,
}

impl Subscriber for AuditSubscriber {
    fn on_event(&self, ctx: &Ctx, event: &Event<'_>, batch: &mut Batch) {
        if let Some(entry) = entry(event)
            && self.may_write(ctx, event, &entry)
        {
            batch.push(Write::insert(&self.audit_event(ctx, event, entry)));
        }
    }
}

impl AuditSubscriber {
    pub(crate) fn new(random: Arc<dyn RandomSource>, limits: Arc<AuditLimits>) -> Self {
        let ids = AuditEventIds::default();
        Self {
            ids,
            random,
            limits,
        }
    }

    /// An event that a client can repeat at will is written or, beyond a limit, counted (L-01).
    fn may_write(&self, ctx: &Ctx, event: &Event<'_>, entry: &AuditEntry) -> bool {
        if let Event::Throttled { limit, .. } = event {
            return self.limits.may_write_denial(limit, ctx.now);
        }
        // The user who acts, or whose account an unknown client acts on.
        let limited_user = ctx.actor.user_id().or(entry.user_id);
        limit_of(ctx, event, entry.kind).is_none_or(|limit| {
            self.limits
                .may_write(ctx, limit, (entry.kind, limited_user))
        })
    }

    fn audit_event(&self, ctx: &Ctx, event: &Event<'_>, entry: AuditEntry) -> AuditEvent {
        let id = self.ids.next(ctx.now, &*self.random);
        let mut audit_event = AuditEvent {
            outcome: entry.outcome,
            detail: entry.detail,
            ..ctx.audit_event(id, entry.kind, entry.user_id)
        };
        if let Event::SignUpExpired { .. } | Event::SignUpSuperseded { .. } = event {
            // The client of this request is not the one that signed up.
            audit_event.address = None;
            audit_event.user_agent = None;
        }
        audit_event
    }
}

/// Returns the name of the limit of an event; `None` if it has none.
fn limit_of(ctx: &Ctx, event: &Event<'_>, kind: AuditKind) -> Option<&'static str> {
    match event {
        Event::Forbidden { .. }
        | Event::SealBroken { .. }
        | Event::SecondFactorRequested { .. } => Some(kind.as_str()),
        // One limit for all kinds of actions.
        Event::StepUpRefused { .. } => Some("step-up"),
        Event::ProfileUpdated { user_id } | Event::UserExported { user_id } => {
            (ctx.actor.user_id() == Some(*user_id)).then_some(kind.as_str())
        }
        _ => None,
    }
}

/// Returns the audit event of an event; `None` if it has none.
fn entry(event: &Event<'_>) -> Option<AuditEntry> {
    let entry = match *event {
        Event::ConfirmationRequested { user_id: None, .. } | Event::DeletionReminded { .. } => {
            return None;
        }
        Event::ConfirmationRequested {
            user_id: Some(user_id),
            ..
        } => success_of(AuditKind::ConfirmationRequested, user_id),
        Event::SignedUp { user, .. } => success_of(AuditKind::SignUp, user.id),
        Event::UserCreated { user } => {
            success_of(AuditKind::SignUp, user.id).detail(user.role.as_str())
        }
        Event::Invited { user, invitation } => {
            let (role, delivery) = (user.role.as_str(), invitation.delivery.as_str());
            success_of(AuditKind::Invited, user.id).detail(format!("{role}, {delivery}"))
        }
        Event::InvitationAccepted { user } => success_of(AuditKind::InvitationAccepted, user.id),
        Event::InvitationRevoked { user_id } => success_of(AuditKind::InvitationRevoked, user_id),
        Event::UsersImported { count, system } => {
            success(AuditKind::SignUp).detail(format!("{count} imported from {system}"))
        }
        Event::AdminImported { user_id } => {
            success_of(AuditKind::RoleChanged, user_id).detail(Role::Admin.as_str())
        }
        Event::EmailConfirmed { before } => confirmed(before),
        Event::ConfirmationCancelled { user_id } => {
            success_of(AuditKind::ConfirmationCancelled, user_id)
        }
        Event::SignUpExpired { user_id } => success_of(AuditKind::SignUpExpired, user_id),
        Event::SignUpSuperseded { user_id } => success_of(AuditKind::SignUpSuperseded, user_id),
        Event::EmailChangeRequested { user } => {
            success_of(AuditKind::EmailChangeRequested, user.id)
        }
        Event::EmailChangeUndone {
            before,
            link,
            removed,
        } => success_of(AuditKind::EmailChangeUndone, before.id).detail(format!(
            "change requested at {}, factors removed: {removed}",
            link.requested_at
        )),
        Event::FactorsUndone {
            before,
            link,
            removed,
        } => success_of(AuditKind::FactorsUndone, before.id).detail(format!(
            "factor added at {}, factors removed: {removed}",
            link.requested_at
        )),
        Event::TwoFactorTurnedOff { user_id } => {
            success_of(AuditKind::FactorsUndone, user_id).detail("with an address change")
        }
        Event::SignedIn { user, .. } => success_of(AuditKind::SignIn, user.id),
        Event::SecondFactorRequested { user, must_enrol } => {
            let entry = success_of(AuditKind::SecondFactorRequested, user.id);
            match must_enrol {
                false => entry,
                true => entry.detail("to be added"),
            }
        }
        Event::SignedOut { user_id } => success_of(AuditKind::SignOut, user_id),
        Event::TokenReused { user_id } => success_of(AuditKind::TokenReuse, user_id)
            .failed()
            .detail("session ended"),
        Event::SessionEvicted { user_id } => {
            success_of(AuditKind::SessionEvicted, user_id).detail("session limit")
        }
        Event::SessionsListed { user_id } => success_of(AuditKind::SessionsListed, user_id),
        Event::SessionRevoked { user_id } => {
            success_of(AuditKind::SessionsRevoked, user_id).detail("one")
        }
        Event::SessionsRevoked { user_id } => {
            success_of(AuditKind::SessionsRevoked, user_id).detail("all")
        }
        Event::OtherSessionsRevoked { user_id } => {
            success_of(AuditKind::SessionsRevoked, user_id).detail("others")
        }
        Event::PasswordSet { user, reason } => success_of(
            match reason {
                NewPasswordReason::Changed => AuditKind::PasswordChanged,
                NewPasswordReason::SetByOperator => AuditKind::PasswordSet,
                NewPasswordReason::Recovered => AuditKind::Recovered,
            },
            user.id,
        ),
        Event::FirstFactorAdded { user, kind } | Event::FactorAdded { user, kind } => {
            success_of(AuditKind::FactorAdded, user.id).detail(kind.as_str())
        }
        Event::FactorRemoved { user, kind } => {
            success_of(AuditKind::FactorRemoved, user.id).detail(kind.as_str())
        }
        Event::RecoveryCodesRenewed { user } => {
            success_of(AuditKind::RecoveryCodesRenewed, user.id)
        }
        Event::RecoveryCodeUsed { user, remaining } => {
            success_of(AuditKind::RecoveryCodeUsed, user.id).detail(format!("{remaining} left"))
        }
        // Both events of a recovery name the mail: a request that no admin makes does not know the account.
        Event::RecoveryRequested { mail, user_id, .. } => AuditEntry {
            user_id,
            ..success(AuditKind::RecoveryRequested).detail(MailJob::audit_detail_of(mail))
        },
        Event::RecoveryMailed { user_id, mail } => {
            success_of(AuditKind::RecoveryMailed, user_id).detail(MailJob::audit_detail_of(mail))
        }
        Event::MailSent { user_id, job } => AuditEntry {
            user_id: Some(user_id),
            ..about_mail(AuditKind::MailSent, job)
        },
        Event::MailFailed { job } => {
            let detail = format!("{} after {} attempts", job.kind.as_str(), job.attempts);
            failure(AuditKind::MailFailed, job.user_id, detail)
        }
        Event::OutboxListed => success(AuditKind::OutboxListed),
        Event::MailViewed { job } => about_mail(AuditKind::MailViewed, job),
        Event::MailRetried { job } => about_mail(AuditKind::MailRetried, job),
        Event::MailDeleted { job } => about_mail(AuditKind::MailDeleted, job),
        Event::TestMailRequested { user, .. } => success_of(AuditKind::TestMailRequested, user.id),
        Event::LockedOut { account, .. } => {
            let user_id = account.map(|user| user.id);
            failure(AuditKind::Throttled, user_id, AuditEvent::LOCKOUT)
        }
        Event::CodesLockedOut { user } => failure(
            AuditKind::Throttled,
            Some(user.id),
            AuditEvent::CODE_LOCKOUT,
        ),
        Event::Throttled { user_id, limit } => {
            failure(AuditKind::Throttled, user_id, limit.limit.name())
        }
        Event::Refused {
            kind,
            user_id,
            reason,
        } => failure(kind, user_id, reason.as_str()),
        Event::StepUpRefused {
            kind,
            user_id,
            reason,
        } => failure(kind, Some(user_id), reason),
        Event::Forbidden { action, user_id } => failure(AuditKind::Forbidden, user_id, action),
        Event::RoleChanged { user_id, role } => {
            success_of(AuditKind::RoleChanged, user_id).detail(role.as_str())
        }
        Event::Disabled { user_id, reason } => {
            let disabled = Status::Disabled.as_str();
            let detail = match reason {
                Some(reason) => format!("{disabled}: {}", reason.as_str()),
                None => disabled.to_owned(),
            };
            success_of(AuditKind::StatusChanged, user_id).detail(detail)
        }
        Event::Enabled { user_id } => {
            success_of(AuditKind::StatusChanged, user_id).detail(Status::Active.as_str())
        }
        Event::ProfileUpdated { user_id } => success_of(AuditKind::ProfileUpdated, user_id),
        Event::DeletionRequested { user, reason } => {
            deletion(AuditKind::DeletionRequested, user.id, reason)
        }
        Event::DeletionCancelled { user, with } => {
            let entry = success_of(AuditKind::DeletionCancelled, user.id);
            match with {
                CancelledWith::Password => entry,
                CancelledWith::MailedLink => entry.detail("mailed link"),
            }
        }
        Event::UserDeleted { user_id, reason } => deletion(AuditKind::UserDeleted, user_id, reason),
        Event::UserViewed { user_id } => success_of(AuditKind::UserViewed, user_id),
        Event::UsersListed => success(AuditKind::UsersListed),
        Event::UserExported { user_id } => success_of(AuditKind::UserExported, user_id),
        Event::UsersExported => success(AuditKind::UsersExported),
        Event::AuditRead => success(AuditKind::AuditRead),
        Event::AuditExported { detail } => success(AuditKind::AuditExported).detail(detail),
        Event::SealBroken { position } => failure(
            AuditKind::SealBroken,
            None,
            format!("checkpoint {position}"),
        ),
        Event::EventsSuppressed { kind, count } => suppressed(kind, count),
        Event::ServerStarted { configuration } => {
            success(AuditKind::ServerStarted).detail(configuration)
        }
        Event::KeyRotated { kid } => success(AuditKind::KeyRotated).detail(kid),
        Event::KeyRevoked { kid } => success(AuditKind::KeyRevoked).detail(kid),
    };
    Some(entry)
}

fn confirmed(before: &User) -> AuditEntry {
    let entry = success_of(AuditKind::EmailConfirmed, before.id);
    match &before.pending_email {
        Some(pending) if before.email.is_some() && pending.requested_by == RequestedBy::Admin => {
            entry.detail("address changed by an admin")
        }
        _ => entry,
    }
}

fn suppressed(kind: AuditKind, count: u64) -> AuditEntry {
    let entry = success(AuditKind::EventsSuppressed);
    let entry = match kind {
        AuditKind::ProfileUpdated | AuditKind::UserExported | AuditKind::SecondFactorRequested => {
            entry
        }
        // Of the other kinds, only denials and refusals have a limit.
        _ => entry.failed(),
    };
    entry.detail(format!("{} {count}", kind.as_str()))
}

/// A deletion, requested or done. The detail is the reason, if the user gave one.
fn deletion(kind: AuditKind, user_id: UserId, reason: Option<DeletionReason>) -> AuditEntry {
    let entry = success_of(kind, user_id);
    match reason {
        Some(reason) => entry.detail(reason.as_str()),
        None => entry,
    }
}

/// What was done with a queued mail. The detail has its kind and its id.
fn about_mail(kind: AuditKind, job: &MailJob) -> AuditEntry {
    let detail = format!("{} {}", job.kind.as_str(), job.id);
    AuditEntry {
        user_id: job.user_id,
        ..success(kind).detail(detail)
    }
}

/// A success that is about no user.
fn success(kind: AuditKind) -> AuditEntry {
    AuditEntry {
        kind,
        outcome: Outcome::Success,
        user_id: None,
        detail: None,
    }
}

/// A success.
fn success_of(kind: AuditKind, user_id: UserId) -> AuditEntry {
    AuditEntry {
        user_id: Some(user_id),
        ..success(kind)
    }
}

/// A failure.
fn failure(kind: AuditKind, user_id: Option<UserId>, reason: impl Into<String>) -> AuditEntry {
    AuditEntry {
        user_id,
        ..success(kind).failed().detail(reason)
    }
}

impl AuditEntry {
    fn failed(self) -> Self {
        let outcome = Outcome::Failure;
        Self { outcome, ..self }
    }

    fn detail(self, text: impl Into<String>) -> Self {
        let detail = Some(text.into());
        Self { detail, ..self }
    }
}
