//! `PUT /user/{user}/status`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use doorward_domain::access::Action;
use doorward_domain::model::Status;
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

/// The status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatusChange, example = json!({"status": "disabled"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusBody {
    /// `active` or `disabled`.
    #[schema(pattern = "^(active|disabled)$", example = "disabled")]
    status: String,
    /// Your own password. Required if the last password check is too old.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
}

/// Disables an account, which ends its sessions, or enables it.
#[utoipa::path(put, path = "/user/{user}/status", tag = "Admin", request_body = StatusBody,
    params(UserParam, IfMatchParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its new version")))))]
pub(crate) async fn change_status(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let status = fields.required("status", |text| match text {
        "active" => Ok(Status::Active),
        "disabled" => Ok(Status::Disabled),
        _ => Err(Invalid::new(
            "invalid",
            "A status is set to `active` or `disabled`.",
        )),
    });
    let password = fields.optional("password", Password::parse);
    let status = fields.finish(|| status)?;
    let doorward = &app.doorward;
    let ctx = doorward
        .sign_in
        .reauthenticate(caller.ctx(), Action::ChangeStatus, &user, password.as_ref())
        .await?;
    let user = match status {
        Status::Disabled => doorward.admin.disable(&ctx, &user, expected).await?,
        _ => doorward.admin.enable(&ctx, &user, expected).await?,
    };
    Ok(user_response(StatusCode::OK, &user))
}
