//! `/recovery`: sets a new password with a mailed link.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use doorward_domain::values::Secret;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::links::{MailRequestBody, read_address, read_token};
use crate::http::params::TokenParam;
use crate::http::problem::Problem;
use crate::http::responses::Message;

/// The password.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Recovery, example = json!({"new_password": "four boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct RecoveryBody {
    /// The new password.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    new_password: String,
}

/// Mails a recovery link, if the address belongs to an account.
#[utoipa::path(post, path = "/recovery", tag = "Account", request_body = MailRequestBody, responses((status = 202, description = "Accepted, whether or not the address is known")))]
pub(crate) async fn request_recovery(
    State(app): State<App>,
    caller: Caller,
    fields: Fields,
) -> Result<StatusCode, Problem> {
    request(&app, &caller, fields).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Requests the mail, for the API and the page.
pub(super) async fn request(app: &App, caller: &Caller, fields: Fields) -> Result<(), Problem> {
    let email = read_address(fields)?;
    Ok(app.doorward.recovery.request(&caller.ctx, &email).await?)
}

/// Returns whether the link is valid.
#[utoipa::path(get, path = "/recovery/{token}", tag = "Account", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` a new password to it", body = Message)))]
pub(crate) async fn view_recovery(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Json<Message>, Problem> {
    app.doorward
        .recovery
        .view(&caller.ctx, &read_token(&token)?)
        .await?;
    Ok(Json(Message {
        message: "POST `new_password` to this URL to set it.",
    }))
}

/// Sets the new password, once. Every session ends, and a notice is mailed.
#[utoipa::path(post, path = "/recovery/{token}", tag = "Account", request_body = RecoveryBody, params(TokenParam),
    responses((status = 204, description = "Changed")))]
pub(crate) async fn recover(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
    fields: Fields,
) -> Result<StatusCode, Problem> {
    set_password(&app, &caller, &token, fields).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sets the new password, for the API and the page.
pub(super) async fn set_password(
    app: &App,
    caller: &Caller,
    token: &str,
    mut fields: Fields,
) -> Result<(), Problem> {
    let token = read_token(token)?;
    let new = fields.required("new_password", |text| Ok(Secret::new(text.to_owned())));
    let new = fields.finish(|| new)?;
    Ok(app
        .doorward
        .recovery
        .finish(&caller.ctx, &token, &new)
        .await?)
}
