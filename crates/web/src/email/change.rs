//! `PUT /user/{user}/email`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use doorward_domain::values::{EmailAddress, Password};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::etag::IfMatch;
use crate::http::params::{IfMatchParam, UserParam};
use crate::http::problem::Problem;

/// The new address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailChange, example = json!({"email": "ben@example.org", "password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailBody {
    /// Replaces the current address once confirmed.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// Your own password. Required for your own address, or if the last password check is too old.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
}

/// Starts an email change. The new address replaces the old one once confirmed. The old one is notified of the
/// request and of the change, each time with a link to undo it, unless an admin made the request. The
/// link is valid for one hour; an unconfirmed change is deleted after three days.
#[utoipa::path(put, path = "/user/{user}/email", tag = "Account", request_body = EmailBody,
    params(UserParam, IfMatchParam),
    responses((status = 202, description = "A confirmation mail is sent")))]
pub(crate) async fn change_email(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let email = fields.required("email", EmailAddress::parse);
    let password = fields.optional("password", Password::parse);
    let email = fields.finish(|| email)?;
    app.doorward
        .email
        .change_email(caller.ctx(), &user, &email, password.as_ref(), expected)
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
