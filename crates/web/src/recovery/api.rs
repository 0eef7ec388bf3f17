//! `/recovery`: sets a new password with a mailed link.

use axum::extract::Path;
use axum::http::StatusCode;
use doorward_domain::model::Purpose;
use doorward_domain::values::Secret;
use serde::Serialize;
use utoipa::ToSchema;

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
#[utoipa::path(post, path = "/recovery", tag = "Password", request_body = MailRequestBody, responses((status = 202, description = "Accepted, whether or not the address is known")))]
pub(crate) async fn request_recovery(
    caller: Caller,
    fields: Fields,
) -> Result<StatusCode, Problem> {
    let email = read_address(fields)?;
    let recovery = &caller.doorward().recovery;
    recovery.request(&caller.ctx, &email, None).await?;
    Ok(StatusCode::ACCEPTED)
}

/// Returns whether the link is valid.
#[utoipa::path(get, path = "/recovery/{token}", tag = "Password", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` a new password to it", body = Message)))]
pub(crate) async fn view_recovery(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Json<Message>, Problem> {
    let token = read_token(&token, Purpose::Recovery)?;
    let recovery = &caller.doorward().recovery;
    recovery.view(&caller.ctx, &token).await?;
    Ok(Json(Message {
        message: "POST `new_password` to this URL to set it.",
    }))
}

/// Sets the new password, once. Every session ends, and a notice is mailed.
#[utoipa::path(post, path = "/recovery/{token}", tag = "Password", request_body = RecoveryBody, params(TokenParam),
    responses((status = 204, description = "Changed")))]
pub(crate) async fn recover(
    caller: Caller,
    Path(token): Path<String>,
    mut fields: Fields,
) -> Result<StatusCode, Problem> {
    let token = read_token(&token, Purpose::Recovery)?;
    let new = fields.required("new_password", |text| Ok(Secret::new(text.to_owned())));
    let new = fields.finish(|| new)?;
    let recovery = &caller.doorward().recovery;
    recovery.finish(&caller.ctx, &token, &new).await?;
    Ok(StatusCode::NO_CONTENT)
}
