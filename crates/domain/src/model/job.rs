//! Work that the worker does later: a queue of jobs of any kind.

use jiff::Timestamp;

use crate::store::{BadRow, Condition, Kind, Query, Record, Row, RowReader, Table, Value, Write};
use crate::string_enum::string_enum;
use crate::values::{JobId, UserId};

string_enum! {
    /// What has become of a job so far.
    JobStatus {
        /// No attempt has failed.
        Waiting => "waiting",
        /// An attempt has failed, and another will be made.
        Failing => "failing",
        /// It failed permanently.
        GivenUp => "given-up",
    }
}

/// A job as it is stored. The kind determines how its payload is read; a mail is [`MailJob`](super::MailJob).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// The id; sorts by time.
    pub id: JobId,
    /// The kind.
    pub kind: String,
    /// The user it is about. The job is deleted with the user.
    pub user_id: Option<UserId>,
    /// Key to find a job that has no user or is limited; for a mail, its address.
    pub lookup: Option<String>,
    /// What only the worker reads, as JSON.
    pub payload: String,
    /// When it was created.
    pub created_at: Timestamp,
    /// Number of attempts that were started.
    pub attempts: i64,
    /// When the next attempt is due, or when a worker's lease ends. `None` once it failed.
    pub due_at: Option<Timestamp>,
    /// When it failed permanently.
    pub failed_at: Option<Timestamp>,
    /// What has become of it so far.
    pub status: JobStatus,
    /// Number of attempts that failed. A worker holds a job with more attempts until its lease ends.
    pub failed_attempts: i64,
    /// Why the last of them failed.
    pub last_error: Option<String>,
}

/// An attempt that failed.
#[derive(Debug, Clone, Copy)]
pub struct FailedAttempt<'a> {
    /// Its number, from 1.
    pub number: i64,
    /// Why it failed.
    pub error: &'a str,
}

impl Job {
    /// The jobs about a user.
    pub fn of_user(user_id: UserId) -> Query {
        Query::by::<Self>(&["user_id"]).equal(user_id)
    }

    /// The jobs with this `lookup` that have no user.
    pub fn without_user(lookup: &str) -> Query {
        Self::with_lookup(lookup).only(Condition::is_null("user_id"))
    }

    /// All jobs with this `lookup`.
    pub fn with_lookup(lookup: &str) -> Query {
        Query::by::<Self>(&["lookup"]).equal(lookup)
    }

    /// The jobs that wait, the next due first.
    pub fn waiting() -> Query {
        Query::by::<Self>(&["due_at"]).above(Timestamp::MIN)
    }

    /// The jobs that wait and are due after `now` and until `until`, the next due first.
    pub fn due_between(now: Timestamp, until: Timestamp) -> Query {
        Query::by::<Self>(&["due_at"]).above(now).at_most(until)
    }

    /// The job that has waited longest.
    pub fn oldest_waiting() -> Query {
        Query::by::<Self>(&["failed_at", "created_at"])
            .equal(Value::Null)
            .limit(1)
    }

    /// The jobs that failed permanently.
    pub fn failed() -> Query {
        Query::by::<Self>(&["failed_at"]).above(Timestamp::MIN)
    }

    /// The jobs with this status, in the order of their creation.
    pub fn with_status(status: JobStatus) -> Query {
        Query::by::<Self>(&["status"]).equal(status.as_str())
    }

    /// All jobs, in the order of their creation.
    pub fn all() -> Query {
        Query::by::<Self>(&[]).above(JobId::from_bytes([0; 16]))
    }

    /// Returns the lease on a job whose attempt was interrupted. Fails with `Stale` if the job was deleted.
    pub fn release(id: JobId, now: Timestamp) -> Write {
        Write::update::<Self, 1>(id, [("due_at", now.into())], Vec::new())
    }

    /// Schedules the next attempt after one that failed. Fails with `Stale` if the job was deleted.
    pub fn retry_at(id: JobId, due_at: Timestamp, failed: FailedAttempt<'_>) -> Write {
        let set = [
            ("due_at", due_at.into()),
            ("status", JobStatus::Failing.as_str().into()),
            ("failed_attempts", failed.number.into()),
            ("last_error", failed.error.into()),
        ];
        Write::update::<Self, 4>(id, set, Vec::new())
    }

    /// Schedules the first attempt again, as if none had been started. Fails with `Stale` if the job was deleted or is not
    /// as in `when`.
    pub fn postpone(id: JobId, due_at: Timestamp, when: Vec<Condition>) -> Write {
        let set = [("due_at", due_at.into()), ("attempts", 0.into())];
        Write::update::<Self, 2>(id, set, when)
    }

    /// Ends the lease that ends at `due_at`. Fails with `Stale` if it has ended.
    pub fn expire_lease(id: JobId, due_at: Timestamp, now: Timestamp) -> Write {
        let when = vec![Condition::is("due_at", due_at)];
        Write::update::<Self, 1>(id, [("due_at", now.into())], when)
    }

    /// Marks a job as permanently failed. It is stored until the sweep, and is not due again. Fails with `Stale` if it was
    /// deleted.
    pub fn fail(id: JobId, at: Timestamp, failed: FailedAttempt<'_>) -> Write {
        let set = [
            ("failed_at", at.into()),
            ("due_at", Value::Null),
            ("status", JobStatus::GivenUp.as_str().into()),
            ("failed_attempts", failed.number.into()),
            ("last_error", failed.error.into()),
        ];
        Write::update::<Self, 5>(id, set, Vec::new())
    }
}

impl Record for Job {
    const TABLE: &'static Table = &Table {
        // A job that failed is stored for a while.
        expires: Some("failed_at"),
        owner: Some("user_id"),
        indexes: &[
            &["due_at"],
            &["user_id"],
            &["lookup"],
            &["failed_at"],
            &["failed_at", "created_at"],
            &["status"],
        ],
        null_listed: &[&["failed_at", "created_at"]],
        common: &[("status", "waiting")],
        columns: &[
            Kind::Id.column("id"),
            Kind::Key.column("kind"),
            Kind::Id.nullable("user_id"),
            Kind::Key.nullable("lookup"),
            Kind::Text.column("payload"),
            Kind::Int.column("created_at"),
            Kind::Int.column("attempts"),
            Kind::Int.nullable("due_at"),
            Kind::Int.nullable("failed_at"),
            // Nodes of an older release do not write these.
            Kind::Key.nullable("status"),
            Kind::Int.nullable("failed_attempts"),
            Kind::Text.nullable("last_error"),
        ],
        ..Table::new("jobs")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("id", self.id.into()),
            ("kind", self.kind.as_str().into()),
            ("user_id", self.user_id.into()),
            ("lookup", self.lookup.as_deref().into()),
            ("payload", self.payload.as_str().into()),
            ("created_at", self.created_at.into()),
            ("attempts", self.attempts.into()),
            ("due_at", self.due_at.into()),
            ("failed_at", self.failed_at.into()),
            ("status", self.status.as_str().into()),
            ("failed_attempts", self.failed_attempts.into()),
            ("last_error", self.last_error.as_deref().into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            id: JobId::from_bytes(row.array("id")?),
            kind: row.text("kind")?,
            user_id: row.opt_array("user_id")?.map(UserId::from_bytes),
            lookup: row.opt_text("lookup")?,
            payload: row.text("payload")?,
            created_at: row.time("created_at")?,
            attempts: row.int("attempts")?,
            due_at: row.opt_time("due_at")?,
            failed_at: row.opt_time("failed_at")?,
            status: row
                .opt_parsed("status", JobStatus::from_name)?
                .unwrap_or(JobStatus::Waiting),
            failed_attempts: row.opt_int("failed_attempts")?.unwrap_or(0),
            last_error: row.opt_text("last_error")?,
        })
    }
}
