//! `/email-undo`: undoes an email change, by the link mailed to the old address.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use minijinja::context;

use crate::app::App;
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::links::read_token;
use crate::http::params::TokenParam;
use crate::http::problem::Problem;
use crate::views::Message;

/// Returns whether the link is valid. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/email-undo/{token}", tag = "Account", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` to it to undo the change", body = Message)))]
pub(crate) async fn view_email_undo(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let link = app
        .doorward
        .email
        .view_email_undo(caller.ctx(), &read_token(&token)?)
        .await?;
    if caller.wants_html() {
        let values = context! { email => link.email.as_str(), token };
        let page = app
            .pages
            .render(caller.locale(), "email/undo-email-change", values);
        return Ok(page.into_response());
    }
    Ok(Json(Message {
        message: "POST to this URL to undo the email change.",
    })
    .into_response())
}

/// Restores the old address, once. Every session ends, the password is disabled, and a recovery link is
/// mailed to that address.
#[utoipa::path(post, path = "/email-undo/{token}", tag = "Account", params(TokenParam),
    responses((status = 204, description = "Undone; a recovery mail is sent")))]
pub(crate) async fn undo_email_change(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    app.doorward
        .email
        .undo_email_change(caller.ctx(), &read_token(&token)?)
        .await?;
    if caller.wants_html() {
        let locale = caller.locale();
        let page = app
            .pages
            .render(locale, "email/email-change-undone", context! {});
        return Ok(page.into_response());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
