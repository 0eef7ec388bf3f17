//! `/factor-undo`: removes the second factors of an account, by the link in the mail about the first one.

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
use crate::http::responses::Message;

/// Returns whether the link is valid. A GET changes nothing, since mail scanners follow links.
#[utoipa::path(get, path = "/factor-undo/{token}", tag = "Second factors", params(TokenParam),
    responses((status = 200, description = "The link is valid; `POST` to it to remove the second factors", body = Message)))]
pub(crate) async fn view_factor_undo(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let factors = &app.doorward.factors;
    let link = factors.view_undo(&caller.ctx, &read_token(&token)?).await?;
    if caller.wants_html {
        let values = context! { email => link.email.as_str(), token };
        let page = app
            .pages
            .render(caller.locale(), "factors/undo-factors", values);
        return Ok(page.into_response());
    }
    Ok(Json(Message {
        message: "POST to this URL to remove all second factors.",
    })
    .into_response())
}

/// Removes all second factors, once. Every session ends, the password is disabled, a pending address is dropped, and a
/// recovery link is mailed to the address that this link was mailed to, if the account still has it.
#[utoipa::path(post, path = "/factor-undo/{token}", tag = "Second factors", params(TokenParam),
    responses((status = 204, description = "Removed; a recovery mail is sent")))]
pub(crate) async fn undo_factors(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Response, Problem> {
    let factors = &app.doorward.factors;
    factors.undo(&caller.ctx, &read_token(&token)?).await?;
    if caller.wants_html {
        let locale = caller.locale();
        let page = app
            .pages
            .render(locale, "factors/factors-undone", context! {});
        return Ok(page.into_response());
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}
