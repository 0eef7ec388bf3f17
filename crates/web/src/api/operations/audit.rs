//! `GET /audit`: the audit log.

use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use doorward_domain::access::{Action, Target};
use doorward_domain::model::{AuditFilter, Event};
use doorward_domain::values::{AuditEventId, Invalid, UserId};
use jiff::Timestamp;

use crate::api::paging::{self, Query};
use crate::app::App;
use crate::guard::Caller;
use crate::problem::Problem;
use crate::views::{AuditEventView, List};

/// Lists the audit log, newest first.
#[utoipa::path(get, path = "/audit", tag = "Admin",
    params(
        ("user" = Option<String>, Query, description = "Events of this user: `me`, a username or a user id"),
        ("event" = Option<String>, Query, description = "Events of this kind, such as `sign-in`"),
        ("since" = Option<String>, Query, description = "Events at or after this time (RFC 3339)", format = DateTime),
        ("until" = Option<String>, Query, description = "Events before this time (RFC 3339)", format = DateTime),
        ("limit" = Option<u32>, Query, description = "1 to 200, default 50", minimum = 1, maximum = 200),
        ("cursor" = Option<String>, Query, description = "`next` of the previous page", pattern = "^[A-Za-z0-9_-]{21}[AQgw]$")),
    responses((status = 200, description = "A page of events", body = List<AuditEventView>, headers(("Link" = String, description = "rel=\"next\", if there is a next page")))))]
pub(crate) async fn list_audit_events(
    State(app): State<App>,
    caller: Caller,
    uri: Uri,
) -> Result<Response, Problem> {
    app.accounts
        .authorize(caller.ctx(), Action::ReadAudit, Target::Others)
        .await?;
    let mut query = Query::parse(uri.query())?;
    let before = query.cursor(AuditEventId::from_bytes)?;
    let limit = query.limit();
    let named = query.optional("user", |text| Ok(text.to_owned()));
    let event = query.optional("event", |text| {
        Event::from_name(text).ok_or_else(|| Invalid::new("invalid", "Unknown event."))
    });
    let since = query.optional("since", moment);
    let until = query.optional("until", moment);
    query.finish()?;
    let user_id = match named {
        // An unknown user has no events; the filter must not be dropped.
        Some(named) => Some(
            app.accounts
                .find_user_id(caller.ctx(), &named)
                .await?
                .unwrap_or(UserId::from_bytes([0; 16])),
        ),
        None => None,
    };
    let filter = AuditFilter {
        user_id,
        event,
        since,
        until,
        before,
        limit: limit + 1,
    };
    let events = app
        .accounts
        .list_audit_events(caller.ctx(), &filter)
        .await?;
    Ok(paging::respond(
        events,
        limit,
        |event| *event.id.as_bytes(),
        |event| AuditEventView::from(event),
        &uri,
    ))
}

fn moment(text: &str) -> Result<Timestamp, Invalid> {
    let parsed = text.parse();
    parsed.map_err(|_| {
        Invalid::new(
            "invalid",
            "Must be a time in RFC 3339, such as 2026-11-21T08:00:00Z.",
        )
    })
}
