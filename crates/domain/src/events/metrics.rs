//! The metrics of an event, counted when its batch is applied.

use crate::metric_event::MetricEvent;
use crate::model::{AuditEvent, AuditKind, Outcome};

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
