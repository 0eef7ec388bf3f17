//! Response bodies of several features, built from the model field by field. A body of one feature is in its file.
//!
//! Stored records are never serialized, so that a new column is not exposed by accident (Z-03).

use doorward_domain::model::{AuditEvent, Session, User};
use doorward_domain::sessions::SignedIn;
use doorward_domain::values::{EmailAddress, Name, SessionId, Username};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// UUIDv7; not reused after the user is deleted.
    #[schema(format = "uuid", example = "019363a0-5a3e-7c41-9f0e-2b9d1c3a4e5f")]
    id: String,
    /// Public and unique, ignoring letter case.
    #[schema(required = true, max_length = 64, example = "ben")]
    username: Option<String>,
    /// The confirmed address.
    #[schema(required = true, format = Email, example = "ben@example.com")]
    email: Option<String>,
    /// An address that is not confirmed yet. It is removed if it is not confirmed within three days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Email, nullable = false, example = "ben@example.org")]
    pending_email: Option<String>,
    /// Display name.
    #[schema(required = true, max_length = 200, example = "Ben")]
    name: Option<String>,
    /// Role.
    #[schema(pattern = "^(user|admin)$", example = "user")]
    role: &'static str,
    /// `pending`: signed up with an email address alone, which is not confirmed yet.
    #[schema(pattern = "^(pending|active|disabled)$", example = "active")]
    status: &'static str,
    /// The application's JSON object for this user.
    #[schema(value_type = Object, example = json!({"phone": "030 123456"}))]
    data: Map<String, Value>,
    /// Time of the sign-up.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// Time of the last change.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    updated_at: Timestamp,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        Self {
            id: user.id.to_string(),
            username: user
                .username
                .as_ref()
                .map(Username::as_str)
                .map(str::to_owned),
            email: user
                .email
                .as_ref()
                .map(EmailAddress::as_str)
                .map(str::to_owned),
            pending_email: user
                .pending_address()
                .map(EmailAddress::as_str)
                .map(str::to_owned),
            name: user.name.as_ref().map(Name::as_str).map(str::to_owned),
            role: user.role.as_str(),
            status: user.status.as_str(),
            data: user.data.as_map().clone(),
            created_at: user.created_at,
            updated_at: user.updated_at,
        }
    }
}

/// An open session.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// Id of the session; not a credential.
    #[schema(format = "uuid", example = "019363a0-6b1c-7d52-8a1f-3c0e2d4b5f60")]
    id: String,
    /// Time of the sign-in.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// Time when the user last proved who they are.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    auth_time: Timestamp,
    /// How the user proved it, with the words of RFC 8176. `pwd` is a password.
    #[schema(example = json!(["pwd"]))]
    amr: Vec<&'static str>,
    /// Time of the last use, to about a minute.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    last_seen_at: Timestamp,
    /// Expiry time, unless renewed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    expires_at: Timestamp,
    /// IP address at sign-in.
    #[schema(required = true, example = "192.0.2.7")]
    address: Option<String>,
    /// User agent at sign-in.
    #[schema(
        required = true,
        example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )]
    user_agent: Option<String>,
    /// `true` for the session of this request.
    current: bool,
}

impl SessionView {
    /// The view of a session; `current` is that of the request.
    pub fn new(session: &Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id.to_string(),
            created_at: session.created_at,
            auth_time: session.auth_time,
            amr: session.amr.iter().map(|method| method.as_str()).collect(),
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            address: session.address.map(|address| address.to_string()),
            user_agent: session.user_agent.clone(),
            current: current == Some(session.id),
        }
    }
}

/// A new or renewed session, with its token.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub struct SignedInView {
    /// Send it as `Authorization: Bearer …`. It is not stored and cannot be retrieved again.
    #[schema(example = "eyJ0eXAiOiJzZXNzaW9uK2p3dCIs…")]
    token: String,
    /// Always `Bearer`.
    #[schema(pattern = "^(Bearer)$", example = "Bearer")]
    token_type: &'static str,
    /// Seconds until it expires.
    #[schema(minimum = 0, example = 86400)]
    expires_in: i64,
    /// Expiry time.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    expires_at: Timestamp,
    /// Id of the session.
    #[schema(format = "uuid", example = "019363a0-6b1c-7d52-8a1f-3c0e2d4b5f60")]
    session_id: String,
    /// The user of the session.
    user: UserView,
}

impl SignedInView {
    /// The view of a new session at the time `now`.
    pub fn new(signed_in: &SignedIn, now: Timestamp) -> Self {
        let session = &signed_in.session;
        Self {
            token: signed_in.token.expose().clone(),
            token_type: "Bearer",
            expires_in: session.expires_at.duration_since(now).as_secs(),
            expires_at: session.expires_at,
            session_id: session.id.to_string(),
            user: UserView::from(&signed_in.user),
        }
    }
}

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

/// A message.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// The message.
    #[schema(example = "POST to this URL to confirm the address.")]
    pub message: &'static str,
}
