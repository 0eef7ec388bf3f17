//! `GET /user/{user}/session`: the open sessions of a user.

use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::Response;
use doorward_domain::values::SessionId;

use crate::app::App;
use crate::http::caller::Caller;
use crate::http::paging::{self, List, Query};
use crate::http::params::{PageParams, UserParam};
use crate::http::problem::Problem;
use crate::views::SessionView;

/// Lists the open sessions, newest first; there are at most 50.
#[utoipa::path(get, path = "/user/{user}/session", tag = "Sessions",
    params(
        UserParam,
        PageParams),
    responses((status = 200, description = "The sessions", body = List<SessionView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_sessions(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut sessions = app
        .doorward
        .sessions
        .list_sessions(caller.ctx(), &user)
        .await?;
    let mut query = Query::parse(uri.query())?;
    let before = query.id_cursor(SessionId::from_bytes)?;
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
