//! `/email-undo`: undoes an email change, by the link mailed to the old address.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::api::confirmation::read_token;
use crate::app::App;
use crate::guard::Caller;
use crate::json::Json;
use crate::pages::form::Form;
use crate::problem::Problem;
use crate::views::Message;

/// The page that the link opens, with its form.
pub(crate) async fn page(
    app: &App,
    caller: &Caller,
    token: &str,
    form: &Form,
) -> Result<Html<String>, Problem> {
    let link = app
        .accounts
        .view_email_undo(caller.ctx(), &read_token(token)?)
        .await?;
    Ok(app
        .pages
        .undo_email(caller.locale(), &link.email, token, form))
}

/// Returns whether the link is valid. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/email-undo/{token}", tag = "Account", params(("token" = String, Path, description = "The token of the link")),
    responses((status = 200, description = "The link is valid; `POST` to it to undo the change", body = Message)))]
pub(crate) async fn view_email_undo(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    if caller.wants_html() {
        let page = page(&app, &caller, &token, &Form::default()).await?;
        return Ok(page.into_response());
    }
    app.accounts
        .view_email_undo(caller.ctx(), &read_token(&token)?)
        .await?;
    Ok(Json(Message {
        message: "POST to this URL to undo the email change.",
    })
    .into_response())
}

/// Restores the old address, once. Every session ends, the password is disabled, and a recovery link is
/// mailed to that address.
#[utoipa::path(post, path = "/email-undo/{token}", tag = "Account", params(("token" = String, Path, description = "The token of the link")),
    responses((status = 204, description = "Undone; a recovery mail is sent")))]
pub(crate) async fn undo_email_change(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    app.accounts
        .undo_email_change(caller.ctx(), &read_token(&token)?)
        .await?;
    if caller.wants_html() {
        let page = app.pages.email_restored(caller.locale());
        return Ok(page.into_response());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
