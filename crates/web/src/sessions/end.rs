//! The end of sessions: the own one (`DELETE /auth`), and those of a user (`DELETE /user/{user}/session`).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::app::App;
use crate::http::caller::Caller;
use crate::http::credentials::clear_session_cookie;
use crate::http::params::UserParam;
use crate::http::problem::Problem;

/// Signs out. The token is invalid afterwards.
#[utoipa::path(delete, path = "/auth", tag = "Sessions", responses((status = 204, description = "Signed out")))]
pub(crate) async fn sign_out(State(app): State<App>, caller: Caller) -> Result<Response, Problem> {
    app.doorward
        .sessions
        .sign_out(caller.ctx(), caller.require_session()?)
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    clear_session_cookie(response.headers_mut());
    Ok(response)
}

/// Ends all sessions. Recovery links that were mailed before are void.
#[utoipa::path(delete, path = "/user/{user}/session", tag = "Sessions", params(UserParam),
    responses((status = 204, description = "Ended")))]
pub(crate) async fn revoke_sessions(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
) -> Result<StatusCode, Problem> {
    app.doorward
        .sessions
        .revoke_sessions(caller.ctx(), &user)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one session.
#[utoipa::path(delete, path = "/user/{user}/session/{id}", tag = "Sessions",
    params(UserParam, ("id" = String, Path, description = "The session's id", format = "uuid")),
    responses((status = 204, description = "Ended")))]
pub(crate) async fn revoke_session(
    State(app): State<App>,
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.doorward
        .sessions
        .revoke_session(caller.ctx(), &user, &id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
