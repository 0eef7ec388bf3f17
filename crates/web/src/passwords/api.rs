//! `PUT /password`: changes the password, with the current one.

use axum::http::{HeaderMap, StatusCode};
use doorward_domain::factors::FactorCode;
use doorward_domain::model::Version;
use doorward_domain::sign_in::Proof;
use doorward_domain::values::{Password, Secret};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies::{set_device_cookie, set_session_cookie};
use crate::http::etag::IfMatch;
use crate::http::params::IfMatchParam;
use crate::http::problem::Problem;
use crate::sign_in::api::identifier;

/// The two passwords; without a session also `username` or `email`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PasswordChange, example = json!({"current_password": "three boats on a lake", "new_password": "four boats on a lake"}))]
#[serde(deny_unknown_fields)]
struct PasswordBody {
    /// The current password.
    #[schema(format = Password, max_length = 256)]
    current_password: String,
    /// The new password.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    new_password: String,
    /// A code of your second factor, or a recovery code. Required with a second factor, unless you have just signed in
    /// with it.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
    /// The account, if there is no session.
    #[schema(min_length = 1, max_length = 64)]
    username: Option<String>,
    /// The account, if there is no session.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
}

/// Changes the password. Every other session ends, and a notice is mailed. With the cookie, the response sets
/// a new token and the old one is invalid; other clients should renew their token afterwards. If Redis does not respond
/// at that moment, the own session ends too: sign in again after a 401. If the password is replaced while the request runs, the
/// response is 412 `precondition-failed`.
#[utoipa::path(put, path = "/password", tag = "Password", request_body = PasswordBody, params(IfMatchParam), responses((status = 204, description = "Changed")))]
pub(crate) async fn change_password(
    caller: Caller,
    IfMatch(expected): IfMatch,
    fields: Fields,
) -> Result<(StatusCode, HeaderMap), Problem> {
    let cookies = change(&caller, fields, expected).await?;
    Ok((StatusCode::NO_CONTENT, cookies))
}

/// Changes the password, for the API and the page. Returns the cookies to set.
pub(crate) async fn change(
    caller: &Caller,
    mut fields: Fields,
    expected: Option<Version>,
) -> Result<HeaderMap, Problem> {
    let current = fields.required("current_password", Password::parse);
    let code = fields.optional("code", FactorCode::parse);
    let new = fields.required("new_password", |text| Ok(Secret::new(text.to_owned())));
    let account = match caller.session() {
        Some(_) => None,
        None => identifier(&mut fields),
    };
    let (password, new) = fields.finish(|| Some((current?, new?)))?;
    let proof = Proof { password, code };
    let (service, account) = (&caller.doorward().passwords, account.as_ref());
    let changed = service.change(&caller.ctx, account, &proof, &new, expected);
    changed.await?;
    let mut cookies = HeaderMap::new();
    if let Err(problem) = keep_signed_in(caller, &mut cookies).await {
        // The password has changed; the browser continues with its old token.
        tracing::warn!(error = ?problem, "failed to replace the session token after a password change");
    }
    Ok(cookies)
}

/// Keeps the browser a known device, and signed in with a new token, since the old one may have been
/// copied (S-02). Clients without the cookie renew their token themselves.
async fn keep_signed_in(caller: &Caller, cookies: &mut HeaderMap) -> Result<(), Problem> {
    if caller.session().is_none() {
        return Ok(());
    }
    let (ctx, token) = (&caller.ctx, caller.token()?);
    if caller.uses_cookie {
        let renewed = caller.doorward().renewal.replace_token(ctx, token).await?;
        set_session_cookie(cookies, &renewed, ctx.now);
        set_device_cookie(caller, (&renewed.user, &renewed.session), cookies);
    } else if caller.device().is_some() {
        let user = caller
            .doorward()
            .session_check
            .authenticate(ctx, token)
            .await?;
        set_device_cookie(caller, (user.user(), user.session()), cookies);
    }
    Ok(())
}
