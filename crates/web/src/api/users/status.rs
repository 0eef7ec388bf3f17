//! `PUT /user/{user}/status`.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use doorward_domain::access::Action;
use doorward_domain::model::Status;
use doorward_domain::values::{Invalid, Password};
use serde::Serialize;
use utoipa::ToSchema;

use super::user_response;
use crate::api::etag::IfMatch;
use crate::app::App;
use crate::body::Fields;
use crate::guard::Caller;
use crate::problem::Problem;
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
    params(("user" = String, Path, description = "`me`, a username or a user id"), ("If-Match" = Option<String>, Header, nullable = false, description = "The `ETag` of the version that you read")),
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
    let accounts = &app.accounts;
    let ctx = accounts
        .reauthenticate(caller.ctx(), Action::ChangeStatus, &user, password.as_ref())
        .await?;
    let user = match status {
        Status::Disabled => accounts.disable(&ctx, &user, expected).await?,
        _ => accounts.enable(&ctx, &user, expected).await?,
    };
    Ok(user_response(StatusCode::OK, &user))
}
