//! `PUT` and `PATCH /user/{user}`: the profile.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use doorward_domain::profile::ProfileUpdate;
use doorward_domain::values::{Data, Invalid, Name};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::app::App;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::etag::IfMatch;
use crate::http::params::{IfMatchParam, UserParam};
use crate::http::problem::Problem;
use crate::http::responses::user_response;
use crate::views::UserView;

/// Fields of a user that other routes change.
const OTHER_ROUTES: &[(&str, &str)] = &[
    ("email", "PUT /user/{user}/email"),
    ("password", "PUT /password"),
    ("current_password", "PUT /password"),
    ("new_password", "PUT /password"),
    ("role", "PUT /user/{user}/role"),
    ("status", "PUT /user/{user}/status"),
];

/// `PUT` clears a field that is left out; `PATCH` does not change it.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Profile, example = json!({"name": "Ben", "data": {"phone": "030 123456"}}))]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileBody {
    /// Display name; null for none.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Any JSON object, up to 16 KiB and 32 levels.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
}

/// Replaces `name` and `data`.
#[utoipa::path(put, path = "/user/{user}", tag = "Account", request_body = ProfileBody,
    params(UserParam, IfMatchParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its new version")))))]
pub(crate) async fn replace_user(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Fields,
) -> Result<Response, Problem> {
    let mut fields = fields.with_other_routes(OTHER_ROUTES);
    let name = fields.optional("name", Name::choose);
    let data = match fields.json("data") {
        None | Some(Value::Null) => Data::default(),
        Some(value) => fields
            .take_parsed("data", Data::parse(value))
            .unwrap_or_default(),
    };
    let update = fields.finish(|| Some(ProfileUpdate::Replace { name, data }))?;
    let user = app
        .doorward
        .profile
        .update_profile(caller.ctx(), &user, &update, expected)
        .await?;
    Ok(user_response(StatusCode::OK, &user))
}

/// Changes `name` and `data` by a JSON Merge Patch (RFC 7396).
#[utoipa::path(patch, path = "/user/{user}", tag = "Account", request_body(content((ProfileBody = "application/json"), (ProfileBody = "application/merge-patch+json"))),
    params(UserParam, IfMatchParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its new version")))))]
pub(crate) async fn patch_user(
    State(app): State<App>,
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Fields,
) -> Result<Response, Problem> {
    let mut fields = fields.with_other_routes(OTHER_ROUTES);
    let has_name = fields.has("name");
    let name = fields.optional("name", Name::choose);
    let name = has_name.then_some(name);
    let data = match fields.json("data") {
        None => None,
        Some(Value::Null) => Some(None),
        Some(Value::Object(patch)) => Some(Some(patch)),
        Some(_) => {
            fields.add_error(
                "data",
                Invalid::new("wrong-type", "`data` must be a JSON object."),
            );
            None
        }
    };
    let update = fields.finish(|| Some(ProfileUpdate::Patch { name, data }))?;
    let user = app
        .doorward
        .profile
        .update_profile(caller.ctx(), &user, &update, expected)
        .await?;
    Ok(user_response(StatusCode::OK, &user))
}
