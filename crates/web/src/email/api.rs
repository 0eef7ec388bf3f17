//! `/confirmation`, `/user/{user}/email` and `/email-undo`: confirms an address, changes it, and undoes a change.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use doorward_domain::access::Action;
use doorward_domain::model::{Purpose, Version};
use doorward_domain::values::EmailAddress;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::{Fields, optional_password};
use crate::http::caller::Caller;
use crate::http::etag::IfMatch;
use crate::http::json::Json;
use crate::http::links::{MailRequestBody, read_address, read_token};
use crate::http::params::{IfMatchParam, TokenParam, UserParam};
use crate::http::problem::Problem;
use crate::http::responses::Message;
use crate::users::view::{UserView, changed_user};

/// Sends the confirmation again, if the address has a pending one.
#[utoipa::path(post, path = "/confirmation", tag = "Confirm", request_body = MailRequestBody, responses((status = 202, description = "Accepted, whether or not the address is known")))]
pub(crate) async fn request_confirmation(
    caller: Caller,
    fields: Fields,
) -> Result<StatusCode, Problem> {
    let email = read_address(fields)?;
    let service = &caller.doorward().confirmation;
    service
        .request_confirmation(&caller.ctx, &email, None)
        .await?;
    Ok(StatusCode::ACCEPTED)
}

/// Shows what the link confirms. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/confirmation/{token}", tag = "Confirm", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` to it to confirm", body = Message)))]
pub(crate) async fn view_confirmation(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Json<Message>, Problem> {
    let token = read_token(&token, Purpose::Confirmation)?;
    let service = &caller.doorward().confirmation;
    service.view_confirmation(&caller.ctx, &token).await?;
    Ok(Json(Message {
        message: "POST to this URL to confirm the address.",
    }))
}

/// A body is needed only if `confirmation.require_password` is set.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Confirmation, example = json!({"password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct ConfirmationBody {
    /// The password of the account.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
}

/// Confirms the address. Repeating it gives the same response while the link is valid. The button of the page also signs in,
/// in the browser in which the user has signed up within the last hour.
#[utoipa::path(post, path = "/confirmation/{token}", tag = "Confirm", request_body = Option<ConfirmationBody>, params(TokenParam),
    responses((status = 200, description = "The user", body = UserView)))]
pub(crate) async fn confirm(
    caller: Caller,
    Path(token): Path<String>,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let token = read_token(&token, Purpose::Confirmation)?;
    let password = optional_password(fields)?;
    let service = &caller.doorward().confirmation;
    let confirmed = service.confirm_with_password(&caller.ctx, &token, password.as_ref());
    Ok(changed_user(&caller, confirmed.await?).await)
}

/// Cancels the confirmation (“this wasn't me”). A pending user is deleted; an active one loses the pending address.
#[utoipa::path(delete, path = "/confirmation/{token}", tag = "Confirm", params(TokenParam),
    responses((status = 204, description = "Cancelled")))]
pub(crate) async fn cancel_confirmation(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    let token = read_token(&token, Purpose::Confirmation)?;
    let service = &caller.doorward().confirmation;
    service.cancel_confirmation(&caller.ctx, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The new address.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = EmailChange, example = json!({"email": "ben@example.org", "password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct EmailBody {
    /// Replaces the current address once confirmed.
    #[schema(format = Email, max_length = 254)]
    email: String,
    /// Your own password. Required for your own address, or if your last sign-in is too old.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
    /// A code of your second factor, or a recovery code. Required with the password if you have one.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
}

/// Starts an email change. The new address replaces the old one once confirmed. The old one is notified of the
/// request and of the change, each time with a link to undo it, unless an admin made the request. The
/// link is valid for one hour; an unconfirmed change is deleted after three days.
#[utoipa::path(put, path = "/user/{user}/email", tag = "Address", request_body = EmailBody,
    params(UserParam, IfMatchParam),
    responses((status = 202, description = "A confirmation mail is sent")))]
pub(crate) async fn change_email(
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Fields,
) -> Result<Response, Problem> {
    start_change(&caller, &user, fields, expected).await?;
    Ok(StatusCode::ACCEPTED.into_response())
}

/// Starts the change, for the API and the page.
pub(super) async fn start_change(
    caller: &Caller,
    user: &str,
    mut fields: Fields,
    expected: Option<Version>,
) -> Result<(), Problem> {
    let email = fields.required("email", EmailAddress::parse);
    let proof = fields.proof();
    let email = fields.finish(|| email)?;
    let request = caller.prove(Action::ChangeEmail, user, proof).await?;
    let service = &caller.doorward().email_change;
    Ok(service.change(&request, user, &email, expected).await?)
}

/// Cancels a pending email change: the link in the confirmation mail is then invalid. The address of a sign-up without a
/// username is not a change; delete the user instead.
#[utoipa::path(delete, path = "/user/{user}/email/pending", tag = "Address",
    params(UserParam, IfMatchParam),
    responses((status = 204, description = "Cancelled")))]
pub(crate) async fn cancel_email_change(
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
) -> Result<StatusCode, Problem> {
    let service = &caller.doorward().email_change;
    service.cancel_change(&caller.ctx, &user, expected).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Returns whether the link is valid. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/email-undo/{token}", tag = "Address", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` to it to undo the change", body = Message)))]
pub(crate) async fn view_email_undo(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Json<Message>, Problem> {
    let token = read_token(&token, Purpose::EmailUndo)?;
    let service = &caller.doorward().email_undo;
    service.view_undo(&caller.ctx, &token).await?;
    Ok(Json(Message {
        message: "POST to this URL to undo the email change.",
    }))
}

/// Restores the old address, once. Every session ends, the password is disabled, second factors and recovery codes that
/// were added after the change or within three days before it are removed, and a recovery link is mailed to that address.
#[utoipa::path(post, path = "/email-undo/{token}", tag = "Address", params(TokenParam),
    responses((status = 204, description = "Undone; a recovery mail is sent")))]
pub(crate) async fn undo_email_change(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    let token = read_token(&token, Purpose::EmailUndo)?;
    let service = &caller.doorward().email_undo;
    service.undo_change(&caller.ctx, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}
