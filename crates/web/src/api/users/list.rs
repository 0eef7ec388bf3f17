//! `GET /user`: list and search.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use doorward_domain::access::{Action, Target};
use doorward_domain::model::{Role, Status, UserFilter};
use doorward_domain::values::{Invalid, UserId};

use crate::api::paging::{self, Query};
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::views::{List, UserView};

/// Maximum length of a search text, in characters.
const MAX_TEXT: usize = 200;

/// Lists users, oldest first.
#[utoipa::path(get, path = "/user", tag = "Admin",
    params(
        ("q" = Option<String>, Query, description = "Beginning of a username, an address, `@domain`, or a word of the name", max_length = 200, pattern = "^[^\\u0000]*$"),
        ("status" = Option<String>, Query, description = "`pending`, `active` or `disabled`", pattern = "^(pending|active|disabled)$"),
        ("role" = Option<String>, Query, description = "`user` or `admin`", pattern = "^(user|admin)$"),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next` of the previous page", pattern = "^[A-Za-z0-9_-]{21}[AQgw]$")),
    responses((status = 200, description = "A page of users", body = List<UserView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_users(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    // Without permission, the response does not depend on the query.
    app.accounts
        .authorize(caller.ctx(), Action::ListUsers, Target::Others)
        .await?;
    let mut query = Query::parse(uri.query())?;
    let after = query.cursor(UserId::from_bytes)?;
    let limit = query.limit();
    let filter = UserFilter {
        text: query.optional("q", search_text),
        status: query.optional("status", |text| {
            Status::from_name(text).ok_or_else(|| one_of("pending, active or disabled"))
        }),
        role: query.optional("role", |text| {
            Role::from_name(text).ok_or_else(|| one_of("user or admin"))
        }),
        after,
        limit: limit + 1,
    };
    query.finish()?;
    let users = app.accounts.list_users(caller.ctx(), &filter).await?;
    Ok(paging::respond(
        users,
        limit,
        |user| *user.id.as_bytes(),
        |user| UserView::from(user),
        &uri,
    ))
}

fn search_text(text: &str) -> Result<String, Invalid> {
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
