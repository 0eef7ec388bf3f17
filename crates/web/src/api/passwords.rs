//! `PUT /password`: change it by showing the current one.

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use doorward_domain::values::{Password, Secret};
use serde::Serialize;
use utoipa::ToSchema;

use crate::api::auth::{identifier, set_session_cookie};
use crate::app::App;
use crate::body::Fields;
use crate::device;
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

/// The password of a body that need not be there.
pub(crate) fn shown_password(fields: Option<Fields>) -> Result<Option<Password>, Problem> {
    let Some(mut fields) = fields else {
        return Ok(None);
    };
    let password = fields.optional("password", Password::parse);
    fields.finish(|| Some(password))
}

/// Changes the password. Every other session ends, and a notice is mailed. With the cookie this session goes
/// on under a new token, which the answer sets, and the old one is refused from then on; a program renews its
/// own afterwards, in case somebody has copied it.
#[utoipa::path(put, path = "/password", tag = "Account", request_body = PasswordBody, responses((status = 204, description = "Changed")))]
pub(crate) async fn change_password(
    State(app): State<App>,
    caller: Caller,
    fields: Fields,
) -> Result<(StatusCode, HeaderMap), Problem> {
    let cookies = change(&app, &caller, fields).await?;
    Ok((StatusCode::NO_CONTENT, cookies))
}

/// Reads the body and calls the story; the page does the same. What comes back goes to the browser.
pub(crate) async fn change(
    app: &App,
    caller: &Caller,
    mut fields: Fields,
) -> Result<HeaderMap, Problem> {
    let current = fields.required("current_password", Password::parse);
    let new = fields.required("new_password", |text| Ok(Secret::new(text.to_owned())));
    let whose = match caller.session() {
        Some(_) => None,
        None => identifier(&mut fields),
    };
    let (current, new) = fields.finish(|| Some((current?, new?)))?;
    app.accounts
        .change_password(caller.ctx(), whose.as_ref(), &current, &new)
        .await?;
    let mut cookies = HeaderMap::new();
    if let Err(problem) = stay(app, caller, &mut cookies).await {
        // The password is changed all the same; the browser goes on with what it has.
        tracing::warn!(error = ?problem, "a session goes on under its old token");
    }
    Ok(cookies)
}

/// Keeps the browser that has changed the password where it is: known, and in its session under
/// a new token, since the old one may have been copied and is good for nothing any more (S-02). A
/// program, which gets no body here, renews by itself.
async fn stay(app: &App, caller: &Caller, cookies: &mut HeaderMap) -> Result<(), Problem> {
    if caller.session().is_none() {
        return Ok(());
    }
    let (ctx, token) = (caller.ctx(), caller.token()?);
    if caller.by_cookie() {
        let renewed = app.accounts.replace_token(ctx, token).await?;
        set_session_cookie(cookies, &renewed, ctx.now);
        device::remember(app, caller, (&renewed.user, &renewed.session), cookies);
    } else if caller.device().is_some() {
        let user = app.accounts.authenticate(ctx, token).await?;
        device::remember(app, caller, (user.user(), user.session()), cookies);
    }
    Ok(())
}
