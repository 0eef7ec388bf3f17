//! What goes out: one struct an answer, built from the model field by field.
//!
//! Nothing here is a stored row, so that a new column shows nowhere until somebody decides it
//! should (Z-03).

use doorward_domain::flows::sessions::SignedIn;
use doorward_domain::model::{AuditEvent, Session, User};
use doorward_domain::values::{EmailAddress, Name, SessionId, Username};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

/// A user.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = User)]
pub struct UserView {
    /// UUIDv7; never used again after the user is deleted.
    #[schema(format = "uuid", example = "019363a0-5a3e-7c41-9f0e-2b9d1c3a4e5f")]
    id: String,
    /// Public and unique, whatever its letter case.
    #[schema(required = true, max_length = 64, example = "ben")]
    username: Option<String>,
    /// The confirmed address.
    #[schema(required = true, format = Email, example = "ben@example.com")]
    email: Option<String>,
    /// An address that is not confirmed yet. It is removed if it is not confirmed within three days.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(format = Email, nullable = false, example = "ben@example.org")]
    pending_email: Option<String>,
    /// What to call the person.
    #[schema(required = true, max_length = 200, example = "Ben")]
    name: Option<String>,
    /// What the user may do.
    #[schema(pattern = "^(user|admin)$", example = "user")]
    role: &'static str,
    /// `pending`: signed up with an email address alone, which is not confirmed yet.
    #[schema(pattern = "^(pending|active|disabled)$", example = "active")]
    status: &'static str,
    /// The person's own JSON object.
    #[schema(value_type = Object, example = json!({"phone": "030 123456"}))]
    data: Map<String, Value>,
    /// When they signed up.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// When anything here last changed.
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

/// An open session, as lists show it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Session)]
pub struct SessionView {
    /// Its public name; it opens nothing.
    #[schema(format = "uuid", example = "019363a0-6b1c-7d52-8a1f-3c0e2d4b5f60")]
    id: String,
    /// When the password was shown.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// When it was last used, to the minute or so.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    last_seen_at: Timestamp,
    /// When it ends unless renewed.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    expires_at: Timestamp,
    /// Where it was opened from.
    #[schema(required = true, example = "192.0.2.7")]
    address: Option<String>,
    /// What the device said of itself.
    #[schema(
        required = true,
        example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )]
    user_agent: Option<String>,
    /// Whether it is the one that asks.
    current: bool,
}

impl SessionView {
    /// Shows a session to whoever asks in `current`.
    pub fn new(session: &Session, current: Option<SessionId>) -> Self {
        Self {
            id: session.id.to_string(),
            created_at: session.created_at,
            last_seen_at: session.last_seen_at,
            expires_at: session.expires_at,
            address: session.address.map(|address| address.to_string()),
            user_agent: session.user_agent.clone(),
            current: current == Some(session.id),
        }
    }
}

/// A session and whose it is.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CurrentSession)]
pub struct CurrentSessionView {
    /// The session.
    pub session: SessionView,
    /// Its user.
    pub user: UserView,
}

/// A session just opened or renewed, with the token that opens it.
#[derive(Serialize, ToSchema)]
#[schema(as = SignedIn)]
pub struct SignedInView {
    /// Show it as `Authorization: Bearer …`. It is not kept here and cannot be shown again.
    #[schema(example = "eyJ0eXAiOiJzZXNzaW9uK2p3dCIs…")]
    token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    token_type: &'static str,
    /// Seconds until it ends.
    #[schema(minimum = 0, example = 86400)]
    expires_in: i64,
    /// When it ends.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    expires_at: Timestamp,
    /// The session's public name.
    #[schema(format = "uuid", example = "019363a0-6b1c-7d52-8a1f-3c0e2d4b5f60")]
    session_id: String,
    /// Whose it is.
    user: UserView,
}

impl SignedInView {
    /// Shows a session just opened, as of `now`.
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

/// A token for one other service.
#[derive(Serialize, ToSchema)]
#[schema(as = AudienceToken)]
pub struct AudienceTokenView {
    /// A JWT (RFC 9068) to be checked against the JWKS.
    #[schema(example = "eyJ0eXAiOiJhdCtqd3QiLCJhbGci…")]
    pub token: String,
    /// Always `Bearer`.
    #[schema(example = "Bearer")]
    pub token_type: &'static str,
    /// Seconds until it ends.
    #[schema(minimum = 0, example = 300)]
    pub expires_in: i64,
}

/// A line of the audit log.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = AuditEvent)]
pub struct AuditEventView {
    /// Its name; sorts by time.
    #[schema(format = "uuid", example = "019363a0-7c2d-7e63-9b20-4d1f3e5c6a71")]
    id: String,
    /// When.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    at: Timestamp,
    /// What.
    #[schema(example = "sign-in")]
    event: &'static str,
    /// How it ended.
    #[schema(pattern = "^(success|failure)$", example = "success")]
    outcome: &'static str,
    /// Who did it: `user:<id>`, `anonymous`, `command-line` or `worker`.
    #[schema(example = "anonymous")]
    actor: String,
    /// To whom.
    #[schema(
        required = true,
        format = "uuid",
        example = "019363a0-5a3e-7c41-9f0e-2b9d1c3a4e5f"
    )]
    user_id: Option<String>,
    /// From where.
    #[schema(required = true, example = "192.0.2.7")]
    address: Option<String>,
    /// With what.
    #[schema(
        required = true,
        example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )]
    user_agent: Option<String>,
    /// In which request.
    #[schema(example = "5f0c3a7e9b1d4c2f8a6e0d9c7b5a3f1e")]
    request_id: String,
    /// A few words more.
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

/// A page of a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct List<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// Pass it as `cursor` for the next page; null on the last one.
    #[schema(required = true)]
    pub next: Option<String>,
}

/// A few plain words.
#[derive(Debug, Serialize, ToSchema)]
pub struct Message {
    /// The words.
    #[schema(example = "POST to this URL to confirm the address.")]
    pub message: &'static str,
}
