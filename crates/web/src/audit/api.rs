//! `GET /audit`: the audit log, its download and its state.

use axum::body::Body;
use axum::http::Uri;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use doorward_domain::Error;
use doorward_domain::access::Action;
use doorward_domain::error::chain;
use doorward_domain::model::{AuditFilter, AuditKind, Outcome};
use doorward_domain::values::{AuditEventId, Invalid, UserId};
use futures_util::stream;
use ipnet::IpNet;
use jiff::Timestamp;

use crate::audit::view::{AuditEventView, AuditStatusView};
use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::networks;
use crate::http::paging::{self, List, Query, TimeParser, parse_time};
use crate::http::params::{AuditParams, PageParams};
use crate::http::problem::Problem;
use crate::http::responses::attachment;

const NDJSON: &str = "application/x-ndjson";
/// Number of events that a download reads together.
const CHUNK: usize = 500;

/// Lists the audit log, newest first.
///
/// A page with `address`, with `views=false`, or with several of `actor`, `event` and `outcome` but no `user` looks at up to 1,000
/// events: it can have few or none although more follow. `next` is null at the end only.
#[utoipa::path(get, path = "/audit", tag = "Admin", params(AuditParams, PageParams),
    responses((status = 200, description = "A page of events", body = List<AuditEventView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_audit_events(caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.authorize(Action::ReadAudit).await?;
    let mut query = Query::parse(uri.query())?;
    let before = query.id_cursor(AuditEventId::from_bytes)?;
    let limit = query.limit();
    let wanted = AuditQuery::take(&mut query, [parse_time, parse_time]);
    query.finish()?;
    let mut filter = wanted.filter(&caller).await?;
    (filter.before, filter.limit) = (before, limit);
    let page = caller.doorward().audit.list(&caller.ctx, &filter).await?;
    let views = page.events.iter().map(AuditEventView::from).collect();
    let next = page.next.map(|next| paging::cursor_text(next.as_bytes()));
    Ok(paging::respond_page(views, next, &uri))
}

/// Downloads the audit log as JSON lines, newest first.
///
/// Each line is an event as in the list. The response breaks off if the admin signs out, is disabled or demoted. With `address`
/// alone, it can send nothing for a while: set `since`. For a file that can be verified, use `doorward audit export`.
#[utoipa::path(get, path = "/audit/export", tag = "Admin", params(AuditParams),
    responses((status = 200, description = "An event in each line", body = String, content_type = "application/x-ndjson", headers(("Content-Disposition" = String, description = "`attachment`, with a name for the file")))))]
pub(crate) async fn export_audit_events(caller: Caller, uri: Uri) -> Result<Response, Problem> {
    caller.authorize(Action::ReadAudit).await?;
    let mut query = Query::parse(uri.query())?;
    let wanted = AuditQuery::take(&mut query, [parse_time, parse_time]);
    query.finish()?;
    let mut filter = wanted.filter(&caller).await?;
    filter.limit = CHUNK;
    let (brand, day) = (caller.app.brand.file_name(), caller.ctx.now.strftime("%F"));
    let file = attachment(&format!("{brand}-audit-{day}.ndjson"));
    caller.doorward().audit.start_download(&caller.ctx).await?;
    // The next page is read after the client has received the previous one. If it cannot be read, or the caller is not an
    // admin by then, the body ends incomplete.
    let download = Some((caller.doorward().clone(), caller.ctx.clone(), filter));
    let chunks = stream::try_unfold(download, |download| async {
        let Some((doorward, ctx, mut filter)) = download else {
            return Ok(None);
        };
        let page = doorward.audit.download_page(&ctx, &filter).await;
        let page = page.inspect_err(|error| {
            tracing::error!(error = %chain(error), "download of the audit log aborted");
        })?;
        let lines = page
            .events
            .iter()
            .map(|event| line(&AuditEventView::from(event)));
        let lines: String = lines.collect();
        filter.before = page.next;
        let rest = page.next.map(|_| (doorward, ctx, filter));
        Ok::<_, Error>(Some((lines, rest)))
    });
    let headers = [
        (CONTENT_TYPE, NDJSON.to_owned()),
        (CONTENT_DISPOSITION, file),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, Body::from_stream(chunks)).into_response())
}

/// Returns the state of the audit log: the last verification, the last modification that a worker found, and the events that
/// are not sealed yet.
///
/// `doorward audit verify` verifies the log. Anyone who can write to the database can change this result: it is a reminder,
/// and proves nothing.
#[utoipa::path(get, path = "/audit/status", tag = "Admin",
    responses((status = 200, description = "The state", body = AuditStatusView)))]
pub(crate) async fn audit_status(caller: Caller) -> Result<Response, Problem> {
    let status = caller.doorward().audit.status(&caller.ctx).await?;
    let unsealed = caller.doorward().audit_chain.unsealed().await?;
    Ok(Json(AuditStatusView::from((status, unsealed))).into_response())
}

fn line(event: &AuditEventView) -> String {
    let mut line = serde_json::to_string(event).expect("texts are JSON");
    line.push('\n');
    line
}

/// The filters of a query.
pub(super) struct AuditQuery {
    /// The user, as the query names it.
    pub(super) user: Option<String>,
    /// The user who caused the event, as the query names it.
    pub(super) actor: Option<String>,
    event: Option<AuditKind>,
    outcome: Option<Outcome>,
    network: Option<IpNet>,
    since: Option<Timestamp>,
    until: Option<Timestamp>,
    /// `false`: without what admins only viewed. Only the console has a default that depends on the other filters.
    pub(super) views: Option<bool>,
}

impl AuditQuery {
    /// Takes the filters. `times` parse `since` and `until`.
    pub(super) fn take(query: &mut Query, times: [TimeParser; 2]) -> Self {
        let [since, until] = query.range(["since", "until"], times);
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
            network: query.optional("address", |text| {
                networks::parse(text).map_err(|detail| Invalid::new("invalid", detail))
            }),
            since,
            until,
            views: query.optional("views", |text| {
                let views = text.parse();
                views.map_err(|_| Invalid::new("invalid", "Must be `true` or `false`."))
            }),
        }
    }

    /// The filter, without a place and a limit.
    pub(super) async fn filter(self, caller: &Caller) -> Result<AuditFilter, Problem> {
        Ok(AuditFilter {
            user_id: id_of(caller, self.user.as_deref()).await?,
            actor_id: id_of(caller, self.actor.as_deref()).await?,
            event: self.event,
            outcome: self.outcome,
            network: self.network,
            without_views: self.views == Some(false),
            since: self.since,
            until: self.until,
            ..AuditFilter::default()
        })
    }
}

/// The id in a filter that names no user. No event has it; the filter must not be dropped.
pub(super) const UNKNOWN_USER: UserId = UserId::from_bytes([0; 16]);

/// The id of the user that a filter names.
async fn id_of(caller: &Caller, named: Option<&str>) -> Result<Option<UserId>, Problem> {
    let Some(named) = named else {
        return Ok(None);
    };
    let found = caller.doorward().audit.find_user_id(&caller.ctx, named);
    Ok(Some(found.await?.unwrap_or(UNKNOWN_USER)))
}
