//! `/user/{user}`: shows, updates, deletes and exports a user.

use axum::body::Body;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use doorward_domain::access::Action;
use doorward_domain::error::chain;
use doorward_domain::model::Version;
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::{Invalid, LanguageTag, Name};
use futures_util::stream;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::http::body::{Fields, optional_proof};
use crate::http::caller::Caller;
use crate::http::cookies::clear_session_cookie;
use crate::http::etag::IfMatch;
use crate::http::params::{IfMatchParam, UserParam};
use crate::http::problem::Problem;
use crate::http::responses::attachment;
use crate::users::export_document::{ExportDocument, ExportView};
use crate::users::view::{UserView, changed_user, user_response};

/// Returns a user, to the user or an admin.
#[utoipa::path(get, path = "/user/{user}", tag = "Profile", params(UserParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its version, for `If-Match`")))))]
pub(crate) async fn show_user(
    caller: Caller,
    Path(user): Path<String>,
) -> Result<Response, Problem> {
    let viewer = caller.require_session()?;
    let profile = &caller.doorward().profile;
    let viewed = profile.view_in_session(&caller.ctx, viewer, &user).await?;
    Ok(user_response(StatusCode::OK, &viewed))
}

/// Fields of a user that other routes change.
const OTHER_ROUTES: &[(&str, &str)] = &[
    ("email", "PUT /user/{user}/email"),
    ("password", "PUT /password"),
    ("current_password", "PUT /password"),
    ("new_password", "PUT /password"),
    ("role", "PUT /user/{user}/role"),
    ("status", "PUT /user/{user}/status"),
];

/// `PUT` clears `name` and `data` if they are left out; `PATCH` does not change them.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Profile, example = json!({"name": "Ben", "data": {"phone": "030 123456"}, "locale": "de-CH"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfileBody {
    /// Display name; null for none.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Any JSON object, up to 16 KiB and 32 levels. Numbers must fit a 64-bit integer or a double.
    #[schema(value_type = Option<Object>)]
    data: Option<Value>,
    /// Language for mails and pages, a BCP 47 tag without extensions. If it is absent, the stored one stays; null removes it.
    #[schema(
        max_length = 35,
        pattern = "^[A-Za-z]{2}([A-Za-z]|[A-Za-z]{3,6})?(-[A-Za-z]{4})?(-([A-Za-z]{2}|[0-9]{3}))?(-[0-9A-Za-z]{4,8})*$"
    )]
    locale: Option<String>,
}

/// Takes `locale`: `None` if it is absent, `Some(None)` if it is to be removed.
fn take_locale(fields: &mut Fields) -> Option<Option<LanguageTag>> {
    let is_present = fields.contains("locale");
    let locale = fields.optional("locale", LanguageTag::parse);
    is_present.then_some(locale)
}

/// Replaces `name` and `data`, and `locale` if it is present.
#[utoipa::path(put, path = "/user/{user}", tag = "Profile", request_body = ProfileBody,
    params(UserParam, IfMatchParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its new version")))))]
pub(crate) async fn replace_user(
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Fields,
) -> Result<Response, Problem> {
    let mut fields = fields.with_other_routes(OTHER_ROUTES);
    let name = fields.optional("name", Name::parse_new);
    let data = fields.data();
    let locale = take_locale(&mut fields);
    let update = fields.finish(|| Some(ProfileUpdate::Replace { name, data, locale }))?;
    update_user(&caller, &user, &update, expected).await
}

/// Changes `name`, `data` and `locale` by a JSON Merge Patch (RFC 7396).
#[utoipa::path(patch, path = "/user/{user}", tag = "Profile", request_body(content((ProfileBody = "application/json"), (ProfileBody = "application/merge-patch+json"))),
    params(UserParam, IfMatchParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its new version")))))]
pub(crate) async fn patch_user(
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Fields,
) -> Result<Response, Problem> {
    let mut fields = fields.with_other_routes(OTHER_ROUTES);
    let has_name = fields.contains("name");
    let name = fields.optional("name", Name::parse_new);
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
    let locale = take_locale(&mut fields);
    let update = fields.finish(|| Some(ProfileUpdate::Patch { name, data, locale }))?;
    update_user(&caller, &user, &update, expected).await
}

async fn update_user(
    caller: &Caller,
    user: &str,
    update: &ProfileUpdate,
    expected: Option<Version>,
) -> Result<Response, Problem> {
    let profile = &caller.doorward().profile;
    let user = profile.update(&caller.ctx, user, update, expected).await?;
    Ok(changed_user(caller, user).await)
}

/// Required only if your last sign-in is too old.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Deletion, example = json!({"password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct DeletionBody {
    /// Your own password.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
    /// A code of your second factor, or a recovery code. Required with the password if you have one.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
}

/// Deletes the user, its sessions and its pending mail, at once and permanently.
#[utoipa::path(delete, path = "/user/{user}", tag = "Deletion", request_body = Option<DeletionBody>,
    params(UserParam, IfMatchParam),
    responses((status = 204, description = "Deleted")))]
pub(crate) async fn delete_user(
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    fields: Option<Fields>,
) -> Result<Response, Problem> {
    let proof = optional_proof(fields)?;
    let ctx = caller.reauthenticate(Action::DeleteUser, &user, proof);
    let ctx = ctx.await?;
    let own = caller.require_session()?.user().id;
    let deletion = &caller.doorward().deletion;
    let deleted = deletion.delete(&ctx, &user, expected).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    if deleted == own {
        clear_session_cookie(response.headers_mut());
    }
    Ok(response)
}

/// Returns everything stored about the user as one document, to the user or an admin.
#[utoipa::path(get, path = "/user/{user}/export", tag = "Profile", params(UserParam),
    responses((status = 200, description = "The document", body = ExportView, headers(("Content-Disposition" = String, description = "`attachment`, with a name for the file")))))]
pub(crate) async fn export_user(
    caller: Caller,
    Path(user): Path<String>,
) -> Result<Response, Problem> {
    let data = caller
        .doorward()
        .personal_export
        .export(&caller.ctx, &user)
        .await?;
    let (brand, day) = (caller.app.brand.file_name(), caller.ctx.now.strftime("%F"));
    let file = attachment(&format!("{brand}-{day}.json"));
    let document = ExportDocument::new(caller.doorward().clone(), data, &caller.ctx);
    // The next page is read after the client has received the previous one.
    let chunks = stream::try_unfold(document, |mut document| async {
        let chunk = document.next().await;
        if let Err(error) = &chunk {
            tracing::error!(error = %chain(error), "data export aborted");
        }
        chunk.map(|chunk| chunk.map(|chunk| (chunk, document)))
    });
    let headers = [
        (CONTENT_TYPE, "application/json".to_owned()),
        (CONTENT_DISPOSITION, file),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}
