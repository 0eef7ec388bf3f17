//! Audit events, newest first. Ids sort by time, so the primary key serves queries by time, too.

use doorward_domain::audit::actor_id;
use doorward_domain::model::{AuditEvent, AuditFilter, Event, Outcome};
use doorward_domain::ports::StoreError;
use doorward_domain::values::{AuditEventId, UserId};
use jiff::SignedDuration;
use sqlx::any::AnyRow;

use crate::SqlStore;
use crate::dialect::Dialect;
use crate::error::SqlError;
use crate::row::{self, BadRow, Row};
use crate::transaction::Transaction;

pub(crate) async fn insert(
    transaction: &mut Transaction,
    event: &AuditEvent,
) -> Result<(), SqlError> {
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
    transaction.execute(sql, &args).await?;
    Ok(())
}

/// The columns of an event, as a query selects them.
pub(crate) fn columns(dialect: Dialect) -> String {
    let texts = [
        "event",
        "outcome",
        "actor",
        "address",
        "user_agent",
        "request_id",
        "detail",
    ];
    let texts = texts.map(|column| dialect.text_as_it_stands(column));
    format!("id, occurred_at, user_id, {}", texts.join(", "))
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
    let columns = columns(store.dialect);
    let sql = format!(
        "SELECT {columns} FROM audit_events WHERE {conditions} ORDER BY audit_events.id DESC LIMIT ?"
    );
    let rows = store.rows("list audit events", &sql, &args).await?;
    Ok(from_rows(&rows))
}

/// Two queries, one per index: for a combined one, a database may read the whole log.
pub(crate) async fn list_of(
    store: &SqlStore,
    user_id: UserId,
    before: Option<AuditEventId>,
    limit: usize,
) -> Result<Vec<AuditEvent>, StoreError> {
    const OPERATION: &str = "list audit events of a user";
    let before = before.unwrap_or(AuditEventId::from_bytes([255; 16]));
    let columns = columns(store.dialect);
    let mut events = Vec::new();
    for condition in ["user_id = ?", "actor_id = ?"] {
        let sql = format!(
            "SELECT {columns} FROM audit_events \
             WHERE {condition} AND id < ? AND LENGTH(id) = 16 ORDER BY id DESC LIMIT ?"
        );
        let args = [user_id.into(), before.into(), limit.into()];
        let rows = store.rows(OPERATION, &sql, &args).await?;
        events.extend(from_rows(&rows));
    }
    events.sort_by_key(|event| std::cmp::Reverse(event.id));
    events.dedup_by_key(|event| event.id);
    events.truncate(limit);
    Ok(events)
}

/// Parses the rows. An event that cannot be parsed is listed as unreadable and hides no other (L-01). A
/// row without a valid id has no place in the order and is skipped.
fn from_rows(rows: &[AnyRow]) -> Vec<AuditEvent> {
    row::readable(rows, |row| {
        let row = Row::new(row, "audit_events", "id");
        let id = AuditEventId::from_bytes(row.array("id")?);
        Ok(from_row(id, &row).unwrap_or_else(|bad| {
            tracing::error!(error = %bad, "unreadable audit event. Run `doorward audit verify`");
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

/// The placeholder of an event that cannot be parsed. It names the column.
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
