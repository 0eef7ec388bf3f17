//! `DELETE /user/{user}`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use doorward_domain::access::Action;
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::body::{Fields, optional_password};
use crate::http::caller::Caller;
use crate::http::credentials::clear_session_cookie;
use crate::http::etag::IfMatch;
use crate::http::params::{IfMatchParam, UserParam};
use crate::http::problem::Problem;

/// Required only if the last password check is too old.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Deletion, example = json!({"password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct DeletionBody {
    /// Your own password.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
}

/// Deletes the user, its sessions and its pending mail, at once and permanently.
#[utoipa::path(delete, path = "/user/{user}", tag = "Account", request_body = Option<DeletionBody>,
    params(UserParam, IfMatchParam),
    responses((status = 204, description = "Deleted")))]
pub(crate) async fn delete_user(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let password = optional_password(fields)?;
    let ctx = app
        .doorward
        .sign_in
        .reauthenticate(caller.ctx(), Action::DeleteUser, &user, password.as_ref())
        .await?;
    let own = caller.require_session()?.user().id;
    let deleted = app
        .doorward
        .profile
        .delete_account(&ctx, &user, expected)
        .await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if deleted == own {
        clear_session_cookie(response.headers_mut());
    }
    Ok(response)
}
