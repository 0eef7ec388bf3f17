//! The views of a session: as others see it, and with its token.

use doorward_domain::model::Session;
use doorward_domain::sessions::SignedIn;
use doorward_domain::values::SessionId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::users::view::UserView;

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
