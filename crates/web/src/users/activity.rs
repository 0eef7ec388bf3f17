//! `GET /user/{user}/activity`: what happened to an account.

use axum::extract::Path;
use axum::http::Uri;
use axum::response::Response;
use doorward_domain::access::Action;
use doorward_domain::users::Activity;
use doorward_domain::values::AuditEventId;
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::caller::Caller;
use crate::http::paging::{self, List, Query};
use crate::http::params::{PageParams, UserParam};
use crate::http::problem::Problem;

/// Something that happened to an account.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Activity)]
pub(crate) struct ActivityView {
    /// Id; sorts by time.
    #[schema(format = "uuid", example = "019363a0-7c2d-7e63-9b20-4d1f3e5c6a71")]
    id: String,
    /// Time.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    at: Timestamp,
    /// What happened.
    #[schema(example = "sign-in")]
    event: &'static str,
    /// Who did it; `unknown` for a client that opened a mailed link.
    #[schema(pattern = "^(user|admin|operator|server|unknown)$", example = "user")]
    actor: &'static str,
    /// IP address, if the user did it.
    #[schema(required = true, example = "192.0.2.7")]
    address: Option<String>,
    /// User agent, if the user did it.
    #[schema(
        required = true,
        example = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
    )]
    user_agent: Option<String>,
}

impl From<&Activity> for ActivityView {
    fn from(activity: &Activity) -> Self {
        Self {
            id: activity.id.to_string(),
            at: activity.at,
            event: activity.kind.as_str(),
            actor: activity.actor.as_str(),
            address: activity.address.map(|address| address.to_string()),
            user_agent: activity.user_agent.clone(),
        }
    }
}

/// Lists the sign-ins to the account and its changes, newest first, as long as the audit log has them. Failed attempts are
/// omitted.
#[utoipa::path(get, path = "/user/{user}/activity", tag = "Profile",
    params(UserParam, PageParams),
    responses((status = 200, description = "A page of the activity", body = List<ActivityView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_activity(
    caller: Caller,
    Path(user): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    // Without permission, the response does not depend on the query.
    caller
        .doorward()
        .authorize_by_name(&caller.ctx, Action::ViewActivity, &user)
        .await?;
    let mut query = Query::parse(uri.query())?;
    let before = query.id_cursor(AuditEventId::from_bytes)?;
    let limit = query.limit();
    query.finish()?;
    let activity = &caller.doorward().activity;
    let activity = activity
        .activity(&caller.ctx, &user, before, limit + 1)
        .await?;
    Ok(paging::respond(
        activity,
        limit,
        |activity| *activity.id.as_bytes(),
        |activity| ActivityView::from(activity),
        &uri,
    ))
}
