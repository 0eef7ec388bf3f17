//! `DELETE /user/{user}`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::api::auth;
use crate::api::etag::IfMatch;
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;

/// Deletes the user, its sessions and its pending mail, at once and for good.
#[utoipa::path(delete, path = "/user/{user}", tag = "Account",
    params(("user" = String, Path, description = "`me`, a user name or a user id"), ("If-Match" = Option<String>, Header, nullable = false, description = "The version that was read")),
    responses((status = 204, description = "Gone")))]
pub(crate) async fn delete_user(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
) -> Result<Response, Problem> {
    let own = caller.require_session()?.user().id;
    let deleted = app
        .accounts
        .delete_account(caller.ctx(), &user, expected)
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if deleted == own {
        auth::clear_cookie(response.headers_mut());
    }
    Ok(response)
}
