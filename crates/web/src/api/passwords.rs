//! `PUT /password`: change it by showing the current one.

use axum::extract::State;
use axum::http::StatusCode;
use doorward_domain::values::{Password, Secret};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::identifier;
use crate::app::App;
use crate::body::Fields;
use crate::guard::Caller;
use crate::problem::Problem;

/// With a session, the two passwords; without one, `username` or `email` as well.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PasswordChange, example = json!({"current_password": "three boats on a lake", "new_password": "four boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct PasswordBody {
    /// The password as it is.
    #[schema(format = Password, max_length = 256)]
    current_password: String,
    /// The password as it shall be.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    new_password: String,
    /// Whose, where no session says so.
    #[schema(min_length = 1, max_length = 64)]
    username: Option<String>,
    /// Whose, where no session says so.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
}

/// Changes the password. Every other session ends, and a notice is mailed.
#[utoipa::path(put, path = "/password", tag = "Account", request_body = PasswordBody, responses((status = 204, description = "Changed")))]
pub(crate) async fn change_password(
    State(app): State<App>,
    caller: Caller,
    fields: Fields,
) -> Result<StatusCode, Problem> {
    change(&app, &caller, fields).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Reads the body and calls the story; the page does the same.
pub(crate) async fn change(app: &App, caller: &Caller, mut fields: Fields) -> Result<(), Problem> {
    let current = fields.required("current_password", Password::parse);
    let new = fields.required("new_password", |text| Ok(Secret::new(text.to_owned())));
    let whose = match caller.session() {
        Some(_) => None,
        None => identifier(&mut fields),
    };
    let (current, new) = fields.finish(|| Some((current?, new?)))?;
    Ok(app
        .accounts
        .change_password(caller.ctx(), whose.as_ref(), &current, &new)
        .await?)
}
