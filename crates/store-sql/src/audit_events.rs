//! The audit log, newest first: ids sort by time, to the millisecond, so that the primary key serves
//! what is asked about a time, too.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use doorward_domain::audit::checker::actor_id;
use doorward_domain::model::{AuditEvent, AuditFilter, Event, Outcome};
use doorward_domain::ports::StoreError;
use doorward_domain::values::{AuditEventId, UserId};
use jiff::SignedDuration;
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::audit_rows;
use crate::error::Fault;
use crate::row::{self, BadRow, Row};
use crate::transaction::Transaction;

/// Which lines were said to be unreadable: one may stand in what is asked at each sign-in, and is to fill no log.
#[derive(Default)]
pub(crate) struct Unreadable(Mutex<BTreeSet<AuditEventId>>);

impl Unreadable {
    /// Beyond so many nothing more is said: the log is no log any more.
    const MOST: usize = 1000;

    fn is_new(&self, id: AuditEventId) -> bool {
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        told.len() < Self::MOST && told.insert(id)
    }
}

pub(crate) async fn insert(transaction: &mut Transaction, event: &AuditEvent) -> Result<(), Fault> {
    let sql = "INSERT INTO audit_events \
        (id, occurred_at, event, outcome, actor, user_id, address, user_agent, request_id, detail, actor_id) \
        VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
    let args = [
        event.id.into(),
        event.at.into(),
        event.event.as_str().into(),
        event.outcome.as_str().into(),
        event.actor.as_str().into(),
        event.user_id.into(),
        event.address.into(),
        event.user_agent.as_deref().into(),
        event.request_id.as_str().into(),
        event.detail.as_deref().into(),
        actor_id(&event.actor).into(),
    ];
    // Whatever stands on the table, no change is made whose line is not (L-01).
    match transaction.execute(sql, &args).await? {
        1 => Ok(()),
        _ => Err(Fault::AuditNotWritten),
    }
}

pub(crate) async fn list(
    store: &SqlStore,
    filter: &AuditFilter,
) -> Result<Vec<AuditEvent>, StoreError> {
    let mut conditions = vec!["LENGTH(id) = 16"];
    let mut args = Vec::new();
    if let Some(user_id) = filter.user_id {
        conditions.push("user_id = ?");
        args.push(user_id.into());
    }
    if let Some(event) = filter.event {
        conditions.push("event = ?");
        args.push(event.as_str().into());
    }
    if let Some(since) = filter.since {
        conditions.push("id >= ? AND occurred_at >= ?");
        args.push(AuditEventId::first_at(since).into());
        args.push(since.into());
    }
    if let Some(until) = filter.until {
        conditions.push("id < ? AND occurred_at < ?");
        let next = until.saturating_add(SignedDuration::from_millis(1));
        args.push(AuditEventId::first_at(next.unwrap_or(until)).into());
        args.push(until.into());
    }
    if let Some(before) = filter.before {
        conditions.push("id < ?");
        args.push(before.into());
    }
    args.push(filter.limit.into());
    let conditions = conditions.join(" AND ");
    let columns = audit_rows::of_record(store.dialect);
    let sql = format!(
        "SELECT {columns} FROM audit_events WHERE {conditions} ORDER BY audit_events.id DESC LIMIT ?"
    );
    let rows = store.rows("list audit events", &sql, &args).await?;
    Ok(from_rows(store, &rows))
}

/// By three indexes, one after the other: a database that is given them as one question may well read
/// the whole log. A node of an older release leaves `actor_id` to whoever seals the event.
pub(crate) async fn list_of(
    store: &SqlStore,
    user_id: UserId,
    before: Option<AuditEventId>,
    limit: usize,
) -> Result<Vec<AuditEvent>, StoreError> {
    const OPERATION: &str = "list audit events of a user";
    let before = before.unwrap_or(AuditEventId::from_bytes([255; 16]));
    let actor = format!("user:{user_id}");
    let columns = audit_rows::of_record(store.dialect);
    let mut events = Vec::new();
    for (condition, whose, order) in [
        ("user_id = ?", user_id.into(), "id DESC"),
        ("actor_id = ?", user_id.into(), "id DESC"),
        // In the order of its index, or PostgreSQL steps over all that is sealed.
        (
            "seal IS NULL AND actor = ?",
            actor.as_str().into(),
            "seal DESC, id DESC",
        ),
    ] {
        let sql = format!(
            "SELECT {columns} FROM audit_events \
             WHERE {condition} AND id < ? AND LENGTH(id) = 16 ORDER BY {order} LIMIT ?"
        );
        let args = [whose, before.into(), limit.into()];
        let rows = store.rows(OPERATION, &sql, &args).await?;
        events.extend(from_rows(store, &rows));
    }
    events.sort_by_key(|event| std::cmp::Reverse(event.id));
    events.dedup_by_key(|event| event.id);
    events.truncate(limit);
    Ok(events)
}

/// Reads the rows. One that cannot be read stands among them by its id, and hides no other (L-01); one
/// without an id such as ours has no place in the order, so it is passed over here: `doorward audit verify`
/// names it.
fn from_rows(store: &SqlStore, rows: &[AnyRow]) -> Vec<AuditEvent> {
    row::readable(rows, |row| {
        let row = Row::new(row, "audit_events", "id");
        let id = AuditEventId::from_bytes(row.array("id")?);
        Ok(from_row(id, &row).unwrap_or_else(|bad| {
            if store.unreadable.is_new(id) {
                tracing::error!(error = %bad, "a line of the audit log cannot be read: `doorward audit verify` tells more");
            }
            unreadable(id, &bad)
        }))
    })
}

fn from_row(id: AuditEventId, row: &Row<'_>) -> Result<AuditEvent, BadRow> {
    let (word, detail) = (row.text("event")?, row.opt_text("detail")?);
    let known = Event::from_name(&word);
    Ok(AuditEvent {
        id,
        at: row.time("occurred_at")?,
        event: known.unwrap_or(Event::Other),
        outcome: row.parsed("outcome", Outcome::from_name)?,
        actor: row.text("actor")?,
        user_id: row.opt_array("user_id")?.map(UserId::from_bytes),
        address: row.opt_parsed("address", |text| text.parse().ok())?,
        user_agent: row.opt_text("user_agent")?,
        request_id: row.text("request_id")?,
        detail: match known {
            Some(_) => detail,
            None => Some(format!("{word} {}", detail.unwrap_or_default())),
        },
    })
}

/// Nothing is told of what stands there but which column it is: no more of it can be trusted.
fn unreadable(id: AuditEventId, bad: &BadRow) -> AuditEvent {
    AuditEvent {
        id,
        at: id.moment(),
        event: Event::Unreadable,
        outcome: Outcome::Failure,
        actor: "unknown".to_owned(),
        user_id: None,
        address: None,
        user_agent: None,
        request_id: String::new(),
        detail: Some(bad.what()),
    }
}
