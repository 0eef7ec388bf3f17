//! `/user/{user}/session`: the open sessions of a user.

use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::Response;
use doorward_domain::values::SessionId;

use crate::api::paging::{self, Query};
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::views::{List, SessionView};

/// Lists the open sessions, newest first; there are at most 50.
#[utoipa::path(get, path = "/user/{user}/session", tag = "Sessions",
    params(
        ("user" = String, Path, description = "`me`, a username or a user id"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next` of the previous page", pattern = "^[A-Za-z0-9_-]{21}[AQgw]$")),
    responses((status = 200, description = "The sessions", body = List<SessionView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut sessions = app.accounts.list_sessions(caller.ctx(), &user).await?;
    let mut query = Query::parse(uri.query())?;
    let before = query.cursor(SessionId::from_bytes)?;
    let limit = query.limit();
    query.finish()?;
    sessions.retain(|session| before.is_none_or(|before| session.id < before));
    let current = caller.ctx().actor.session_id();
    let view = |session: &_| SessionView::new(session, current);
    Ok(paging::respond(
        sessions,
        limit,
        |session| *session.id.as_bytes(),
        view,
        &uri,
    ))
}

/// Ends all sessions. Recovery links that were mailed before are void.
#[utoipa::path(delete, path = "/user/{user}/session", tag = "Sessions", params(("user" = String, Path, description = "`me`, a username or a user id")),
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
    params(("user" = String, Path, description = "`me`, a username or a user id"), ("id" = String, Path, description = "The session's id", format = "uuid")),
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
