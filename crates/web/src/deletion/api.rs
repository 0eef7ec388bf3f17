//! `/user/{user}/deletion` and `/deletion-undo`: requests the deletion of an account, and cancels it.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::access::Action;
use doorward_domain::model::{Purpose, User, Version};
use doorward_domain::sign_in::Proof;
use doorward_domain::values::DeletionReason;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::{Fields, optional_proof};
use crate::http::caller::Caller;
use crate::http::cookies::clear_session_cookie;
use crate::http::etag::IfMatch;
use crate::http::json::Json;
use crate::http::links::read_token;
use crate::http::params::{IfMatchParam, TokenParam, UserParam};
use crate::http::problem::Problem;
use crate::http::responses::Message;
use crate::sign_in::api::identifier;
use crate::users::view::{UserView, changed_user};

/// The proof, required only if your last sign-in is too old, and the reason.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletionRequest, example = json!({"password": "three boats on a lake", "reason": "other-account"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct RequestBody {
    /// Your own password.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
    /// A code of your second factor, or a recovery code. Required with the password if you have one.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
    /// Why: `not-needed`, `other-account`, `privacy`, `problems` or `other`. It is the detail of the audit event.
    #[schema(pattern = "^(not-needed|other-account|privacy|problems|other)$")]
    reason: Option<String>,
}

/// Requests the deletion of a user, and ends all sessions. The account is deleted after `account.deletion_days`, 14 unless
/// the operator has changed it; until then its names stay taken and no one can sign in. A mail with a link that cancels the
/// deletion is sent at once, and again a day before it. A second request changes nothing.
#[utoipa::path(put, path = "/user/{user}/deletion", tag = "Deletion", request_body = Option<RequestBody>,
    params(UserParam, IfMatchParam),
    responses(
        (status = 200, description = "The user, with `deletion_at`", body = UserView, headers(("ETag" = String, description = "Its new version"))),
        (status = 204, description = "Deleted at once, because `account.deletion_days` is 0")))]
pub(crate) async fn request_deletion(
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let (proof, reason) = match fields {
        Some(mut fields) => {
            let asked = (fields.proof(), reason(&mut fields));
            fields.finish(|| Some(asked))?
        }
        None => (None, None),
    };
    let requested = request(&caller, &user, proof, reason, expected).await?;
    let is_own = requested.id == caller.require_session()?.user().id;
    let mut response = match requested.deletion {
        Some(_) => changed_user(&caller, requested).await,
        None => StatusCode::NO_CONTENT.into_response(),
    };
    if is_own {
        clear_session_cookie(response.headers_mut());
    }
    Ok(response)
}

/// Takes `reason`.
pub(super) fn reason(fields: &mut Fields) -> Option<DeletionReason> {
    fields.optional("reason", DeletionReason::parse)
}

/// Requests the deletion, for the API and the page. Without a pending deletion, the returned user is deleted already.
pub(super) async fn request(
    caller: &Caller,
    user: &str,
    proof: Option<Proof>,
    reason: Option<DeletionReason>,
    expected: Option<Version>,
) -> Result<User, Problem> {
    let ctx = caller
        .reauthenticate(Action::DeleteUser, user, proof)
        .await?;
    let service = &caller.doorward().deletion;
    Ok(service.request(&ctx, user, reason, expected).await?)
}

/// The proof. Without a session also `username` or `email`, which name the account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = DeletionCancellation, example = json!({"username": "ben", "password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct CancellationBody {
    /// The password of the account; as an admin your own, required if your last sign-in is too old.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
    /// A code of the second factor, or a recovery code. Required with the password if there is a second factor.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
    /// The account, if there is no session.
    #[schema(min_length = 1, max_length = 64)]
    username: Option<String>,
    /// The account, if there is no session.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
}

/// Cancels a pending deletion. Admins do that for other users. The user has no session then, and sends what a sign-in needs:
/// `username` or `email`, `password`, and `code` with a second factor; `{user}` is `me`, or the id or username of the same
/// account. The response has no session: sign in afterwards.
#[utoipa::path(delete, path = "/user/{user}/deletion", tag = "Deletion", request_body = Option<CancellationBody>,
    params(UserParam, IfMatchParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its new version")))))]
pub(crate) async fn cancel_deletion(
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    if caller.session().is_none() {
        let fields = fields.ok_or(Error::AuthenticationRequired)?;
        let kept = keep(&caller, &user, fields, expected).await?;
        return Ok(changed_user(&caller, kept).await);
    }
    let proof = match fields {
        None => None,
        Some(mut fields) => {
            // Accepted and ignored: only clients without a session need them.
            for name in ["username", "email"] {
                fields.optional(name, |_| Ok(()));
            }
            optional_proof(Some(fields))?
        }
    };
    let action = Action::CancelDeletion;
    let ctx = caller.reauthenticate(action, &user, proof).await?;
    let service = &caller.doorward().deletion;
    let kept = service.cancel(&ctx, &user, expected).await?;
    Ok(changed_user(&caller, kept).await)
}

/// Cancels the deletion of the account that the fields name and prove, for the API and the page.
pub(super) async fn keep(
    caller: &Caller,
    user: &str,
    mut fields: Fields,
    expected: Option<Version>,
) -> Result<User, Problem> {
    let proof = fields.required_proof();
    let account = identifier(&mut fields);
    let (account, proof) = fields.finish(|| Some((account?, proof?)))?;
    let service = &caller.doorward().deletion;
    Ok(service
        .cancel_with_proof(&caller.ctx, (user, &account), &proof, expected)
        .await?)
}

/// Returns whether the link is valid. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/deletion-undo/{token}", tag = "Deletion", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` to it to keep the account", body = Message)))]
pub(crate) async fn view_deletion_undo(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Json<Message>, Problem> {
    let token = read_token(&token, Purpose::DeletionUndo)?;
    let service = &caller.doorward().deletion;
    service.view_undo(&caller.ctx, &token).await?;
    Ok(Json(Message {
        message: "POST to this URL to keep the account.",
    }))
}

/// Cancels the deletion, once. The link is valid until the account is deleted.
#[utoipa::path(post, path = "/deletion-undo/{token}", tag = "Deletion", params(TokenParam),
    responses((status = 204, description = "The account stays")))]
pub(crate) async fn undo_deletion(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<StatusCode, Problem> {
    let token = read_token(&token, Purpose::DeletionUndo)?;
    let service = &caller.doorward().deletion;
    service.undo(&caller.ctx, &token).await?;
    Ok(StatusCode::NO_CONTENT)
}
