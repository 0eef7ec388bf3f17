//! `POST /auth/renewal`: a new token for the session.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::http::caller::Caller;
use crate::http::credentials::set_session_cookie;
use crate::http::problem::Problem;
use crate::http::responses::token_response;
use crate::views::SignedInView;

/// Returns a new token and extends the session, up to 30 days from sign-in. The old token stays valid for
/// 30 seconds; using it later ends the session. With the cookie, the new token is set as the cookie.
#[utoipa::path(post, path = "/auth/renewal", tag = "Sessions", responses(
    (status = 200, description = "The session, with its new token", body = SignedInView),
    (status = 204, description = "With the cookie: the new one is set")))]
pub(crate) async fn renew(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    let renewed = app
        .doorward
        .sessions
        .renew(caller.ctx(), caller.token()?)
        .await?;
    let now = caller.ctx().now;
    if caller.by_cookie() {
        let mut response = StatusCode::NO_CONTENT.into_response();
        set_session_cookie(response.headers_mut(), &renewed, now);
        return Ok(response);
    }
    let view = SignedInView::new(&renewed, now);
    Ok(token_response(StatusCode::OK, view))
}
