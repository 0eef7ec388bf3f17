//! `/user/{user}/session`: the devices somebody is signed in on.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;

use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::views::{List, SessionView};

/// Lists the open sessions, newest first; there are at most 50.
#[utoipa::path(get, path = "/user/{user}/session", tag = "Sessions", params(("user" = String, Path, description = "`me`, a user name or a user id")),
    responses((status = 200, description = "The sessions", body = List<SessionView>)))]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
) -> Result<Json<List<SessionView>>, Problem> {
    let sessions = app.accounts.list_sessions(caller.ctx(), &user).await?;
    let current = caller.ctx().actor.session_id();
    let items = sessions
        .iter()
        .map(|session| SessionView::new(session, current))
        .collect();
    Ok(Json(List { items, next: None }))
}

/// Ends all sessions.
#[utoipa::path(delete, path = "/user/{user}/session", tag = "Sessions", params(("user" = String, Path, description = "`me`, a user name or a user id")),
    responses((status = 204, description = "Ended")))]
pub(crate) async fn revoke_sessions(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
) -> Result<StatusCode, Problem> {
    app.accounts.revoke_sessions(caller.ctx(), &user).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends one session.
#[utoipa::path(delete, path = "/user/{user}/session/{id}", tag = "Sessions",
    params(("user" = String, Path, description = "`me`, a user name or a user id"), ("id" = String, Path, description = "The session's id", format = "uuid")),
    responses((status = 204, description = "Ended")))]
pub(crate) async fn revoke_session(
    State(app): State<App>,
    caller: Caller,
    Path((user, id)): Path<(String, String)>,
) -> Result<StatusCode, Problem> {
    app.accounts
        .revoke_session(caller.ctx(), &user, &id)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
