//! The view of a user.
//!
//! Views are the bodies of responses, built from the model field by field. Stored records are never serialized, so that
//! a new column is not exposed by accident (Z-03).

use axum::http::StatusCode;
use axum::http::header::ETAG;
use axum::response::{IntoResponse, Response};
use doorward_domain::model::User;
use doorward_domain::users::ViewedUser;
use doorward_domain::values::{EmailAddress, LanguageTag, Name, Username};
use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};
use utoipa::ToSchema;

use crate::http::caller::Caller;
use crate::http::etag;
use crate::http::json::Json;

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
    /// `pending`: signed up with an email address alone, which is not confirmed yet, or has not accepted an invitation yet.
    #[schema(pattern = "^(pending|active|disabled)$", example = "active")]
    status: &'static str,
    /// Language that the user has chosen, a BCP 47 tag.
    #[schema(required = true, max_length = 35, example = "de-CH")]
    locale: Option<String>,
    /// The application's JSON object for this user.
    #[schema(value_type = Object, example = json!({"phone": "030 123456"}))]
    data: Map<String, Value>,
    /// Time of the sign-up.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// Time of the last change.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    updated_at: Timestamp,
    /// Time at which the account is deleted, if that was requested. Until then no one can sign in to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, format = DateTime, example = "2026-12-05T08:00:00Z")]
    deletion_at: Option<Timestamp>,
    /// Time of the last sign-in; absent if there was none, and in the user of a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, nullable = false, format = DateTime, example = "2026-11-21T08:00:00Z")]
    last_sign_in_at: Option<Timestamp>,
    /// `true` if the password is not accepted on devices where the user has not signed in, because of too many wrong passwords.
    /// It ends with a new password, or a sign-in on a known device. Absent otherwise, in lists, and in one's own account.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false, example = true)]
    locked_out: Option<bool>,
}

impl From<&User> for UserView {
    fn from(user: &User) -> Self {
        let text = |text: Option<&str>| text.map(str::to_owned);
        Self {
            id: user.id.to_string(),
            username: text(user.username.as_ref().map(Username::as_str)),
            email: text(user.email.as_ref().map(EmailAddress::as_str)),
            pending_email: text(user.pending_address().map(EmailAddress::as_str)),
            name: text(user.name.as_ref().map(Name::as_str)),
            role: user.role.as_str(),
            status: user.status.as_str(),
            locale: text(user.preferred_locale.as_ref().map(LanguageTag::as_str)),
            data: user.data.as_map().clone(),
            created_at: user.created_at,
            updated_at: user.updated_at,
            deletion_at: user.deletion.map(|deletion| deletion.at),
            last_sign_in_at: None,
            locked_out: None,
        }
    }
}

impl From<&ViewedUser> for UserView {
    fn from(viewed: &ViewedUser) -> Self {
        Self {
            locked_out: viewed.is_locked_out.then_some(true),
            ..Self::from(&viewed.user).with_last_sign_in(viewed.last_sign_in_at)
        }
    }
}

impl UserView {
    /// This view with the time of the last sign-in.
    pub(crate) fn with_last_sign_in(self, at: Option<Timestamp>) -> Self {
        Self {
            last_sign_in_at: at,
            ..self
        }
    }
}

/// A response with a user and its `ETag`.
pub(crate) fn user_response(status: StatusCode, viewed: &ViewedUser) -> Response {
    let headers = [(ETAG, etag::tag(viewed.user.version))];
    (status, headers, Json(UserView::from(viewed))).into_response()
}

/// The response of a change: the changed user with the time of the last sign-in.
pub(crate) async fn changed_user(caller: &Caller, user: User) -> Response {
    let viewed = caller.doorward().profile.viewed(user).await;
    user_response(StatusCode::OK, &viewed)
}
