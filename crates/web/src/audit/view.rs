//! The views of an audit event and of the state of the log.

use doorward_domain::audit::{AuditStatus, Unsealed};
use doorward_domain::model::{AuditEvent, AuditVerification};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// An audit event.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct AuditEventView {
    /// Id; sorts by time.
    #[schema(format = "uuid", example = "019363a0-7c2d-7e63-9b20-4d1f3e5c6a71")]
    id: String,
    /// Time.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    at: Timestamp,
    /// Kind of event.
    #[schema(example = "sign-in")]
    event: &'static str,
    /// Outcome.
    #[schema(pattern = "^(success|failure)$", example = "success")]
    outcome: &'static str,
    /// Actor: `user:<id>`, `anonymous`, `command-line` or `worker`.
    #[schema(example = "anonymous")]
    actor: String,
    /// Affected user.
    #[schema(
        required = true,
        format = "uuid",
        example = "019363a0-5a3e-7c41-9f0e-2b9d1c3a4e5f"
    )]
    user_id: Option<String>,
    /// IP address.
    #[schema(required = true, example = "192.0.2.7")]
    address: Option<String>,
    /// User agent.
    #[schema(
        required = true,
        example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )]
    user_agent: Option<String>,
    /// Id of the request.
    #[schema(example = "5f0c3a7e9b1d4c2f8a6e0d9c7b5a3f1e")]
    request_id: String,
    /// Further information.
    #[schema(required = true)]
    detail: Option<String>,
}

impl From<&AuditEvent> for AuditEventView {
    fn from(event: &AuditEvent) -> Self {
        Self {
            id: event.id.to_string(),
            at: event.at,
            event: event.event.as_str(),
            outcome: event.outcome.as_str(),
            actor: event.actor.clone(),
            user_id: event.user_id.map(|id| id.to_string()),
            address: event.address.map(|address| address.to_string()),
            user_agent: event.user_agent.clone(),
            request_id: event.request_id.clone(),
            detail: event.detail.clone(),
        }
    }
}

/// The state of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditStatus)]
pub(crate) struct AuditStatusView {
    /// The last verification; `null` if there was none.
    #[schema(required = true)]
    verified: Option<AuditVerificationView>,
    /// When a worker last found that the log was modified, if it was in the last 30 days.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = json!(null))]
    broken_at: Option<Timestamp>,
    /// Number of events that are not sealed yet. A worker seals every few seconds.
    #[schema(minimum = 0, example = 3)]
    unsealed: u64,
    /// The time of the oldest of them; `null` if there is none.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-21T08:00:00Z")]
    unsealed_since: Option<Timestamp>,
}

/// A verification of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditVerification)]
pub(crate) struct AuditVerificationView {
    /// Time.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    at: Timestamp,
    /// Number of events that were verified.
    #[schema(minimum = 0, example = 40312)]
    events: i64,
    /// What was found, such as `modified`; `null` if the log verifies.
    #[schema(required = true, example = json!(null))]
    finding: Option<String>,
}

impl From<(AuditStatus, Unsealed)> for AuditStatusView {
    fn from((status, unsealed): (AuditStatus, Unsealed)) -> Self {
        Self {
            verified: status.verified.map(AuditVerificationView::from),
            broken_at: status.broken_at,
            unsealed: unsealed.count,
            unsealed_since: unsealed.oldest,
        }
    }
}

impl From<AuditVerification> for AuditVerificationView {
    fn from(verification: AuditVerification) -> Self {
        Self {
            at: verification.at,
            events: verification.events,
            finding: verification.finding,
        }
    }
}
