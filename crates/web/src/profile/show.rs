//! `GET /user/{user}`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;

use crate::app::App;
use crate::http::caller::Caller;
use crate::http::params::UserParam;
use crate::http::problem::Problem;
use crate::http::responses::user_response;
use crate::views::UserView;

/// Returns a user, to the user or an admin.
#[utoipa::path(get, path = "/user/{user}", tag = "Account", params(UserParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its version, for `If-Match`")))))]
pub(crate) async fn show_user(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
) -> Result<Response, Problem> {
    let viewer = caller.require_session()?;
    let user = app
        .doorward
        .profile
        .view_user_in_session(caller.ctx(), viewer, &user)
        .await?;
    Ok(user_response(StatusCode::OK, &user))
}
