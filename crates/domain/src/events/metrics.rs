//! The metrics of an event, counted when its batch is applied, and what metric events add to the totals.

use crate::metric_event::{MailFate, MetricEvent};
use crate::model::{AuditEvent, AuditKind, Outcome, TotalKind};

/// Returns the metric events of an event that was written to the audit log.
pub(crate) fn metrics_of(event: &AuditEvent) -> impl Iterator<Item = MetricEvent> {
    let is_sign_in = (event.event, event.outcome) == (AuditKind::SignIn, Outcome::Success);
    let audited = MetricEvent::AuditEventWritten(event.event, event.outcome);
    [
        Some(audited),
        is_sign_in.then_some(MetricEvent::SessionIssued),
    ]
    .into_iter()
    .flatten()
}

/// Returns the total that counts a metric event; `None` if there is none.
pub(crate) fn total_of(event: MetricEvent) -> Option<TotalKind> {
    match event {
        MetricEvent::AuditEventWritten(
            AuditKind::SignUp | AuditKind::InvitationAccepted,
            Outcome::Success,
        ) => Some(TotalKind::SignUps),
        MetricEvent::SessionIssued => Some(TotalKind::SignIns),
        // Passwords are guessed with either.
        MetricEvent::AuditEventWritten(
            AuditKind::SignIn | AuditKind::PasswordChanged,
            Outcome::Failure,
        ) => Some(TotalKind::Failures),
        MetricEvent::Mail(_, MailFate::Sent) => Some(TotalKind::Mails),
        // With more sign-ins than the processors can verify, passwords wait in a queue, which is full.
        MetricEvent::Throttled(_) | MetricEvent::HashRejected => Some(TotalKind::Throttled),
        _ => None,
    }
}
