//! `PUT /user/{user}/email`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use doorward_domain::values::{EmailAddress, Password};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::etag::IfMatch;
use crate::app::App;
use crate::body::Fields;
use crate::guard::Caller;
use crate::problem::Problem;

/// The new address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailChange, example = json!({"email": "ben@example.org", "password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailBody {
    /// Takes over once confirmed.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// Your own: when it is your own address, or you signed in more than a few minutes ago.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
}

/// Asks for another address. It takes over once confirmed; the old one is told at once, and again when it is
/// so, each time with a link that takes it back, unless an admin asks for another's. Not confirmed within a day,
/// it has to be asked for anew.
#[utoipa::path(put, path = "/user/{user}/email", tag = "Account", request_body = EmailBody,
    params(("user" = String, Path, description = "`me`, a user name or a user id"), ("If-Match" = Option<String>, Header, nullable = false, description = "The version that was read")),
    responses((status = 202, description = "A confirmation mail is on its way")))]
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
    app.accounts
        .change_email(caller.ctx(), &user, &email, password.as_ref(), expected)
        .await?;
    Ok(StatusCode::ACCEPTED.into_response())
}
