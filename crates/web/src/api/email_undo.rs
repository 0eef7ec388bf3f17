//! `/email-undo`: the old mailbox takes an e-mail change back, by the link in its notice.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::api::confirmation::read_token;
use crate::app::App;
use crate::guard::Caller;
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

/// Says whether the link can still be used. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/email-undo/{token}", tag = "Account", params(("token" = String, Path, description = "The link's secret")),
    responses((status = 200, description = "The link lives; `POST` it to take the change back", body = Message)))]
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
        message: "POST to this URL to take the account back to this address.",
    })
    .into_response())
}

/// Gives the account its old address back, once. Every session ends, the password no longer works, and
/// a recovery link is mailed to that address.
#[utoipa::path(post, path = "/email-undo/{token}", tag = "Account", params(("token" = String, Path, description = "The link's secret")),
    responses((status = 204, description = "Taken back; a recovery mail is on its way")))]
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
