//! `GET /totals`: how many sign-ups, sign-ins, failures, mails and throttled requests there were.

use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use doorward_domain::access::Action;
use doorward_domain::model::TotalKind;
use doorward_domain::totals::{TotalsRange, UnitTotals};
use doorward_domain::values::{Invalid, TimeUnit};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::http::paging::{Query, parse_time};
use crate::http::problem::Problem;

/// The totals of consecutive hours, days or months.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = TotalsList)]
pub(crate) struct TotalsListView {
    /// What each of the items is about.
    #[schema(pattern = "^(hour|day|month)$", example = "hour")]
    by: &'static str,
    /// The hours, days or months, oldest first, also those without an event.
    items: Vec<TotalsView>,
}

/// The totals of one hour, day or month.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Totals)]
pub(crate) struct TotalsView {
    /// Its beginning in UTC.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    starts_at: Timestamp,
    /// Accounts that were created; that of an invited user, once the invitation is accepted.
    #[schema(minimum = 0, example = 12)]
    sign_ups: i64,
    /// Sign-ins that opened a session.
    #[schema(minimum = 0, example = 340)]
    sign_ins: i64,
    /// Sign-ins and changes of a password that were refused: a wrong password or code, or an account that cannot sign in.
    #[schema(minimum = 0, example = 17)]
    failures: i64,
    /// Mails that the mail server accepted.
    #[schema(minimum = 0, example = 25)]
    mails: i64,
    /// Requests that a rate limit or the full queue of passwords denied, and mails that a limit delayed or dropped.
    #[schema(minimum = 0, example = 3)]
    throttled: i64,
}

impl From<&UnitTotals> for TotalsView {
    fn from(totals: &UnitTotals) -> Self {
        Self {
            starts_at: totals.starts_at,
            sign_ups: totals.of(TotalKind::SignUps),
            sign_ins: totals.of(TotalKind::SignIns),
            failures: totals.of(TotalKind::Failures),
            mails: totals.of(TotalKind::Mails),
            throttled: totals.of(TotalKind::Throttled),
        }
    }
}

/// Counts sign-ups, sign-ins, failures, mails and throttled requests by hour, day or month. Every one is counted, also if the
/// audit log does not list it, at most a minute later, and for 400 days. Lists whole hours, days or months in UTC, at most
/// 744 of them.
#[utoipa::path(get, path = "/totals", tag = "Admin",
    params(
        ("by" = Option<String>, Query, description = "`hour` (default), `day` or `month`", pattern = "^(hour|day|month)$"),
        ("from" = Option<String>, Query, description = "Events at or after this time (RFC 3339); by default the last 24 hours, 30 days or 12 months", format = DateTime),
        ("to" = Option<String>, Query, description = "Events before this time (RFC 3339), default now", format = DateTime)),
    responses((status = 200, description = "The totals", body = TotalsListView)))]
pub(crate) async fn list_totals(caller: Caller, uri: Uri) -> Result<Response, Problem> {
    // Without permission, the response does not depend on the query.
    caller.authorize(Action::ViewTotals).await?;
    let mut query = Query::parse(uri.query())?;
    let unit = take_unit(&mut query);
    let from = query.optional("from", parse_time);
    let to = query.optional("to", parse_time);
    query.finish()?;
    let range = TotalsRange::new(unit, from, to, caller.ctx.now)?;
    let totals = caller.doorward().totals.list(&caller.ctx, &range).await?;
    let list = TotalsListView {
        by: unit.as_str(),
        items: totals.iter().map(TotalsView::from).collect(),
    };
    Ok(Json(list).into_response())
}

/// Takes the unit of the totals.
pub(crate) fn take_unit(query: &mut Query) -> TimeUnit {
    let unit = query.optional("by", |text| {
        TimeUnit::from_name(text)
            .ok_or_else(|| Invalid::new("invalid", "Must be hour, day or month."))
    });
    unit.unwrap_or(TimeUnit::Hour)
}
