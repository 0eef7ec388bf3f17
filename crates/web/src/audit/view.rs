//! The view of an audit event.

use doorward_domain::model::AuditEvent;
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
