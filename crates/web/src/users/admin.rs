//! Actions of admins on accounts: list, change of role, change of status.

use axum::extract::Path;
use axum::http::Uri;
use axum::response::Response;
use doorward_domain::access::Action;
use doorward_domain::model::{Status, User, UserCursor, UserFilter, Version};
use doorward_domain::sign_in::Proof;
use doorward_domain::store::Order;
use doorward_domain::values::{DisableReason, Invalid, Role, UserId};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::etag::IfMatch;
use crate::http::paging::{self, List, Query, TimeParser, parse_time};
use crate::http::params::{IfMatchParam, UserParam};
use crate::http::problem::Problem;
use crate::users::view::{UserView, changed_user};

/// Maximum length of a search text, in characters.
const MAX_TEXT: usize = 200;

/// Lists users, oldest first, or newest first. The results of a search are in the order of the words that were found. With
/// `signed_in_since`, users are in the order of their last sign-ins, unless `role=admin`, a `status` other than `active` or
/// `second_factor=true` is set; one who signs in while the pages are read can be listed twice, or be missing.
///
/// A page with `q`, `not_signed_in_since`, `second_factor=false` or several filters looks at up to 1,000 users: it can have few
/// or none although more follow. `next` is null at the end only.
#[utoipa::path(get, path = "/user", tag = "Admin",
    params(
        ("q" = Option<String>, Query, description = "Beginning of a username, an address, `@domain`, or a word of the name; or a whole user id", max_length = 200, pattern = "^[^\\u0000]*$"),
        ("status" = Option<String>, Query, description = "`pending`, `active` or `disabled`", pattern = "^(pending|active|disabled)$"),
        ("role" = Option<String>, Query, description = "`user` or `admin`", pattern = "^(user|admin)$"),
        ("created_since" = Option<String>, Query, description = "Users who signed up at or after this time (RFC 3339)", format = DateTime),
        ("created_until" = Option<String>, Query, description = "Users who signed up before this time (RFC 3339), which is after `created_since`", format = DateTime),
        ("signed_in_since" = Option<String>, Query, description = "Users whose last sign-in was at or after this time (RFC 3339)", format = DateTime),
        ("not_signed_in_since" = Option<String>, Query, description = "Users who have not signed in at or after this time (RFC 3339), also if they never did; it is after `signed_in_since`", format = DateTime),
        ("second_factor" = Option<bool>, Query, description = "`true`: users with a second factor; `false`: users without one"),
        ("order" = Option<String>, Query, description = "`asc` (the default) or `desc`: by the time of the sign-up, of the last sign-in, or by the word that was found", pattern = "^(asc|desc)$"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next` of the previous page", pattern = "^([0-9a-f]{2}){16,}$")),
    responses((status = 200, description = "A page of users", body = List<UserView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_users(caller: Caller, uri: Uri) -> Result<Response, Problem> {
    // Without permission, the response does not depend on the query.
    caller.authorize(Action::ListUsers).await?;
    let mut query = Query::parse(uri.query())?;
    let after = query.cursor(cursor)?;
    let limit = query.limit();
    let order = query.optional("order", |text| match text {
        "asc" => Ok(Order::Ascending),
        "desc" => Ok(Order::Descending),
        _ => Err(one_of("asc or desc")),
    });
    let filter = UserFilter {
        order: order.unwrap_or_default(),
        after,
        limit,
        ..take_filter(&mut query, [parse_time, parse_time])
    };
    query.finish()?;
    let user_list = &caller.doorward().user_list;
    let page = user_list.list_users(&caller.ctx, &filter).await?;
    let next = page.next.as_ref().map(cursor_text);
    let last_sign_in_at = |user: &User| page.last_sign_ins.get(&user.id).copied();
    let view = |user: &User| UserView::from(user).with_last_sign_in(last_sign_in_at(user));
    let users = page.users.iter().map(view);
    Ok(paging::respond_page(users.collect(), next, &uri))
}

/// Takes the search text and the filters, for the API and the console. `since` parses the beginning of a time, and `until` the
/// end.
pub(super) fn take_filter(query: &mut Query, [since, until]: [TimeParser; 2]) -> UserFilter {
    let [created_since, created_until] =
        query.range(["created_since", "created_until"], [since, until]);
    let sign_ins = ["signed_in_since", "not_signed_in_since"];
    let [signed_in_since, not_signed_in_since] = query.range(sign_ins, [since, since]);
    UserFilter {
        text: query.optional("q", search_text),
        status: query.optional("status", |text| {
            Status::from_name(text).ok_or_else(|| one_of("pending, active or disabled"))
        }),
        role: query.optional("role", |text| {
            Role::from_name(text).ok_or_else(|| one_of("user or admin"))
        }),
        created_since,
        created_until,
        signed_in_since,
        not_signed_in_since,
        second_factor: query.optional("second_factor", |text| {
            text.parse().map_err(|_| one_of("true or false"))
        }),
        ..UserFilter::default()
    }
}

/// Parses the hexadecimal digits of a user's id, of a time and an id, or of a key of a search word. Any other bytes are a place
/// among the words.
pub(super) fn cursor(text: &str) -> Option<UserCursor> {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    if text.len() < 32 || !text.bytes().all(is_hex) {
        return None;
    }
    let bytes = hex::decode(text).ok()?;
    if let Ok(id) = bytes.as_slice().try_into() {
        return Some(UserCursor::User(UserId::from_bytes(id)));
    }
    // The key of a search word is longer.
    if let Some((at, id)) = bytes.split_first_chunk()
        && let Ok(id) = id.try_into()
        && let Ok(at) = Timestamp::from_microsecond(i64::from_be_bytes(*at))
    {
        return Some(UserCursor::At(at, UserId::from_bytes(id)));
    }
    let key = String::from_utf8_lossy(&bytes).replace('\0', "");
    Some(UserCursor::Word(key))
}

pub(super) fn cursor_text(cursor: &UserCursor) -> String {
    match cursor {
        UserCursor::User(id) => hex::encode(id.as_bytes()),
        UserCursor::At(at, id) => {
            hex::encode([&at.as_microsecond().to_be_bytes()[..], id.as_bytes()].concat())
        }
        UserCursor::Word(key) => hex::encode(key.as_bytes()),
    }
}

/// Parses the text of a search.
pub(crate) fn search_text(text: &str) -> Result<String, Invalid> {
    match text.chars().count() {
        0..=MAX_TEXT if !text.contains('\0') => Ok(text.to_owned()),
        0..=MAX_TEXT => Err(Invalid::new(
            "invalid",
            "The search text must not contain NUL.",
        )),
        _ => Err(Invalid::new(
            "too-long",
            "The search text can have at most 200 characters.",
        )),
    }
}

fn one_of(names: &str) -> Invalid {
    Invalid::new("invalid", format!("Must be {names}."))
}

/// The role.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = RoleChange, example = json!({"role": "admin"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct RoleBody {
    /// `user` or `admin`.
    #[schema(pattern = "^(user|admin)$", example = "admin")]
    role: String,
    /// Your own password. Required if your last sign-in is too old.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
    /// A code of your second factor, or a recovery code. Required with the password if you have one.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
}

/// Changes the role. The last active admin cannot be demoted.
#[utoipa::path(put, path = "/user/{user}/role", tag = "Admin", request_body = RoleBody,
    params(UserParam, IfMatchParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its new version")))))]
pub(crate) async fn change_role(
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let (role, proof) = (take_role(&mut fields), fields.proof());
    let role = fields.finish(|| role)?;
    let user = set_role(&caller, &user, (role, proof), expected).await?;
    Ok(changed_user(&caller, user).await)
}

/// Takes `role`.
pub(super) fn take_role(fields: &mut Fields) -> Option<Role> {
    let unknown = || Invalid::new("invalid", "Must be `user` or `admin`.");
    fields.required("role", |text| Role::from_name(text).ok_or_else(unknown))
}

/// Changes the role, for the API and the console.
pub(super) async fn set_role(
    caller: &Caller,
    user: &str,
    (role, proof): (Role, Option<Proof>),
    expected: Option<Version>,
) -> Result<User, Problem> {
    let ctx = caller.reauthenticate(Action::ChangeRole, user, proof);
    let (ctx, admin) = (ctx.await?, &caller.doorward().admin);
    Ok(admin.change_role(&ctx, user, role, expected).await?)
}

/// The status.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = StatusChange, example = json!({"status": "disabled"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct StatusBody {
    /// `active` or `disabled`.
    #[schema(pattern = "^(active|disabled)$", example = "disabled")]
    status: String,
    /// Why it is disabled: `abuse`, `compromised`, `left`, `requested` or `other`. It is in the detail of the audit event.
    #[schema(pattern = "^(abuse|compromised|left|requested|other)$")]
    reason: Option<String>,
    /// Your own password. Required if your last sign-in is too old.
    #[schema(format = Password, max_length = 256)]
    password: Option<String>,
    /// A code of your second factor, or a recovery code. Required with the password if you have one.
    #[schema(max_length = 64, pattern = "^[ -]*[0-9A-Za-z][0-9A-Za-z -]*$")]
    code: Option<String>,
}

/// Disables an account, which ends its sessions, or enables it.
#[utoipa::path(put, path = "/user/{user}/status", tag = "Admin", request_body = StatusBody,
    params(UserParam, IfMatchParam),
    responses((status = 200, description = "The user", body = UserView, headers(("ETag" = String, description = "Its new version")))))]
pub(crate) async fn change_status(
    caller: Caller,
    Path(user): Path<String>,
    IfMatch(expected): IfMatch,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let (status, proof) = (take_status(&mut fields), fields.proof());
    let status = fields.finish(|| status)?;
    let user = set_status(&caller, &user, (status, proof), expected).await?;
    Ok(changed_user(&caller, user).await)
}

/// A new status, and why a user is disabled.
pub(super) type NewStatus = (Status, Option<DisableReason>);

/// Takes `status` and `reason`.
pub(super) fn take_status(fields: &mut Fields) -> Option<NewStatus> {
    let reason = fields.optional("reason", DisableReason::parse);
    let status = fields.required("status", |text| match text {
        "active" => Ok(Status::Active),
        "disabled" => Ok(Status::Disabled),
        _ => Err(Invalid::new(
            "invalid",
            "A status is set to `active` or `disabled`.",
        )),
    });
    status.map(|status| (status, reason))
}

/// Changes the status, for the API and the console.
pub(super) async fn set_status(
    caller: &Caller,
    user: &str,
    ((status, reason), proof): (NewStatus, Option<Proof>),
    expected: Option<Version>,
) -> Result<User, Problem> {
    let ctx = caller.reauthenticate(Action::ChangeStatus, user, proof);
    let (ctx, admin) = (ctx.await?, &caller.doorward().admin);
    Ok(match (status, reason) {
        (Status::Disabled, Some(reason)) => {
            admin.disable_because(&ctx, user, reason, expected).await?
        }
        (Status::Disabled, None) => admin.disable(&ctx, user, expected).await?,
        _ => admin.enable(&ctx, user, expected).await?,
    })
}
