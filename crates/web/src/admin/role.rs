//! `PUT /user/{user}/role`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use doorward_domain::access::Action;
use doorward_domain::model::Role;
use doorward_domain::values::{Invalid, Password};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::etag::IfMatch;
use crate::http::params::{IfMatchParam, UserParam};
use crate::http::problem::Problem;
use crate::http::responses::user_response;
use crate::views::UserView;

/// The role.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoleChange, example = json!({"role": "admin"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleBody {
    /// `user` or `admin`.
    #[schema(pattern = "^(user|admin)$", example = "admin")]
    role: String,
    /// Your own password. Required if the last password check is too old.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
}

/// Changes the role. The last active admin cannot be demoted.
#[utoipa::path(put, path = "/user/{user}/role", tag = "Admin", request_body = RoleBody,
    params(UserParam, IfMatchParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its new version")))))]
pub(crate) async fn change_role(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let unknown = || Invalid::new("invalid", "Must be `user` or `admin`.");
    let role = fields.required("role", |text| Role::from_name(text).ok_or_else(unknown));
    let password = fields.optional("password", Password::parse);
    let role = fields.finish(|| role)?;
    let ctx = app
        .doorward
        .sign_in
        .reauthenticate(caller.ctx(), Action::ChangeRole, &user, password.as_ref())
        .await?;
    let user = app
        .doorward
        .admin
        .change_role(&ctx, &user, role, expected)
        .await?;
    Ok(user_response(StatusCode::OK, &user))
}
