//! `GET /audit`: the audit log.

use axum::http::Uri;
use axum::response::Response;
use doorward_domain::access::{Action, Target};
use doorward_domain::model::{AuditFilter, AuditKind, Outcome};
use doorward_domain::values::{AuditEventId, Invalid, UserId};
use jiff::Timestamp;

use crate::audit::view::AuditEventView;
use crate::http::caller::Caller;
use crate::http::paging::{self, List, Query, TimeParser, parse_time};
use crate::http::params::PageParams;
use crate::http::problem::Problem;

/// Lists the audit log, newest first.
#[utoipa::path(get, path = "/audit", tag = "Admin",
    params(
        ("user" = Option<String>, Query, description = "Events of this user: `me`, a username or a user id"),
        ("actor" = Option<String>, Query, description = "Events that this user has caused: `me`, a username or a user id"),
        ("event" = Option<String>, Query, description = "Events of this kind, such as `sign-in`"),
        ("outcome" = Option<String>, Query, description = "Only `success` or only `failure`", pattern = "^(success|failure)$"),
        ("since" = Option<String>, Query, description = "Events at or after this time (RFC 3339)", format = DateTime),
        ("until" = Option<String>, Query, description = "Events before this time (RFC 3339)", format = DateTime),
        PageParams),
    responses((status = 200, description = "A page of events", body = List<AuditEventView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_audit_events(caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller
        .doorward()
        .authorize(&caller.ctx, Action::ReadAudit, Target::Others)
        .await?;
    let mut query = Query::parse(uri.query())?;
    let before = query.id_cursor(AuditEventId::from_bytes)?;
    let limit = query.limit();
    let wanted = AuditQuery::take(&mut query, [parse_time, parse_time]);
    query.finish()?;
    let mut filter = wanted.filter(&caller).await?;
    (filter.before, filter.limit) = (before, limit + 1);
    let events = caller.doorward().audit.list(&caller.ctx, &filter).await?;
    Ok(paging::respond(
        events,
        limit,
        |event| *event.id.as_bytes(),
        |event| AuditEventView::from(event),
        &uri,
    ))
}

/// The filters of a query.
pub(super) struct AuditQuery {
    /// The user, as the query names it.
    user: Option<String>,
    /// The user who caused the event, as the query names it.
    actor: Option<String>,
    event: Option<AuditKind>,
    outcome: Option<Outcome>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
}

impl AuditQuery {
    /// Takes the filters. `since` and `until` parse their times.
    pub(super) fn take(query: &mut Query, [since, until]: [TimeParser; 2]) -> Self {
        Self {
            user: query.optional("user", |text| Ok(text.to_owned())),
            actor: query.optional("actor", |text| Ok(text.to_owned())),
            event: query.optional("event", |text| {
                AuditKind::from_name(text).ok_or_else(|| Invalid::new("invalid", "Unknown event."))
            }),
            outcome: query.optional("outcome", |text| {
                let outcome = Outcome::from_name(text);
                outcome.ok_or_else(|| Invalid::new("invalid", "Must be `success` or `failure`."))
            }),
            since: query.optional("since", since),
            until: query.optional("until", until),
        }
    }

    /// The filter, without a place and a limit.
    pub(super) async fn filter(self, caller: &Caller) -> Result<AuditFilter, Problem> {
        Ok(AuditFilter {
            user_id: id_of(caller, self.user.as_deref()).await?,
            actor_id: id_of(caller, self.actor.as_deref()).await?,
            event: self.event,
            outcome: self.outcome,
            since: self.since,
            until: self.until,
            ..AuditFilter::default()
        })
    }
}

/// The id of the user that a filter names. An unknown user has no events; the filter must not be dropped.
async fn id_of(caller: &Caller, named: Option<&str>) -> Result<Option<UserId>, Problem> {
    let Some(named) = named else {
        return Ok(None);
    };
    let found = caller.doorward().audit.find_user_id(&caller.ctx, named);
    Ok(Some(found.await?.unwrap_or(UserId::from_bytes([0; 16]))))
}
