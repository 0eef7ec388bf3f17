//! A mail in the outbox: stored together with the change that it reports, sent by the worker.

use jiff::{SignedDuration, Timestamp};

use serde::{Deserialize, Serialize};

use crate::model::mail_kind::MailKind;
use crate::model::{FailedAttempt, Job, JobStatus};
use crate::store::{BadRow, Condition, Record, Row, RowReader, Table, Value, Write};
use crate::values::{EmailAddress, JobId, Locale, UserId};

/// A mail to be sent. It contains no secret: the worker creates the link when it sends the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailJob {
    /// The id. The `Message-ID` is derived from it.
    pub id: JobId,
    /// The kind.
    pub kind: MailKind,
    /// The user it is about; `None` if it was requested by address.
    pub user_id: Option<UserId>,
    /// The address it was requested for. The worker sends to the account's own stored address.
    pub email: EmailAddress,
    /// The language at the time of the request. Delivery uses the stored user's language.
    pub locale: Locale,
    /// Browser, operating system and IP address of the sign-in that it reports.
    pub device: Option<String>,
    /// When it was created.
    pub created_at: Timestamp,
    /// Number of attempts that were started.
    pub attempts: i64,
    /// When the next attempt is due, or when a worker's lease ends. Without meaning once it failed.
    pub due_at: Timestamp,
    /// When it failed permanently. It is stored for seven days after that.
    pub failed_at: Option<Timestamp>,
    /// What has become of it so far.
    pub status: JobStatus,
    /// Number of attempts that failed.
    pub failed_attempts: i64,
    /// Why the last of them failed, in the words of the mail server. Addresses in it are masked.
    pub last_error: Option<String>,
}

impl MailJob {
    /// Name of the mail with this id in the detail of an audit event.
    pub fn audit_detail_of(id: JobId) -> String {
        format!("mail {id}")
    }

    /// Parses the detail of an audit event; `None` if it does not name a mail.
    pub fn from_audit_detail(detail: &str) -> Option<JobId> {
        detail.strip_prefix("mail ")?.parse().ok()
    }
}

impl MailJob {
    /// Returns `true` if a worker is sending it, as far as the store knows. A node of an older release does not count the
    /// attempts that failed, but a lease is short.
    pub fn is_leased(&self, now: Timestamp) -> bool {
        let ends_soon = self.due_at > now && self.due_at <= now + LEASE_DURATION;
        self.failed_at.is_none() && ends_soon && self.attempts > self.failed_attempts
    }

    /// When the next attempt is due; `None` if it failed permanently, or a worker is sending it.
    pub fn next_attempt_at(&self, now: Timestamp) -> Option<Timestamp> {
        let has_next = self.failed_at.is_none() && !self.is_leased(now);
        has_next.then_some(self.due_at)
    }

    /// The job, and the end of its lease.
    pub(crate) fn lease(&self) -> (JobId, Timestamp) {
        (self.id, self.due_at)
    }

    /// The attempt that has just failed.
    pub(crate) fn failed_attempt<'a>(&self, error: &'a str) -> FailedAttempt<'a> {
        let number = self.attempts;
        FailedAttempt { number, error }
    }

    /// This mail with its next attempt due now, also if it failed permanently.
    #[must_use]
    pub fn retried(&self, now: Timestamp) -> Self {
        Self {
            due_at: now,
            failed_at: None,
            status: match self.status {
                JobStatus::GivenUp => JobStatus::Failing,
                other => other,
            },
            ..self.clone()
        }
    }

    /// Stores [`Self::retried`]. Fails with `Stale` if the mail has changed since it was read.
    pub fn retry(&self, now: Timestamp) -> Write {
        let retried = self.retried(now);
        let set = [
            ("due_at", retried.due_at.into()),
            ("failed_at", Value::Null),
            ("status", retried.status.as_str().into()),
        ];
        Write::update::<Self, 3>(self.id, set, self.unchanged())
    }

    /// Deletes the mail. Fails with `Stale` if it was deleted.
    pub fn delete(&self) -> Write {
        Write::delete_if::<Self>(self.id, vec![Condition::is("created_at", self.created_at)])
    }

    /// No worker has leased it, or given it up, since it was read.
    fn unchanged(&self) -> Vec<Condition> {
        let due_at = self.failed_at.is_none().then_some(self.due_at);
        vec![
            Condition::is("attempts", self.attempts),
            Condition::is("due_at", due_at),
            Condition::is("failed_at", self.failed_at),
        ]
    }
}

/// Duration of a worker's lease on a mail: longer than the timeout of a send. After a node is killed, other nodes
/// wait for it to expire before they send that node's mails.
pub(crate) const LEASE_DURATION: SignedDuration = SignedDuration::from_mins(2);

/// The part of a mail that only its delivery reads, as JSON.
#[derive(Serialize, Deserialize)]
struct Payload {
    email: String,
    locale: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
}

impl MailJob {
    /// Selects the mails of the jobs.
    pub fn is_mail() -> Condition {
        Condition::one_of("kind", Self::kinds())
    }

    /// The kinds of mails, for [`claim`](crate::store::Records::claim): a kind that only a newer release knows is left
    /// to its nodes.
    pub fn kinds() -> Vec<Value> {
        MailKind::queued()
            .map(|kind| kind.as_str().into())
            .collect()
    }
}

impl Record for MailJob {
    const TABLE: &'static Table = Job::TABLE;

    fn to_row(&self) -> Row {
        let payload = Payload {
            email: self.email.as_str().to_owned(),
            locale: self.locale.tag().to_owned(),
            device: self.device.clone(),
        };
        let has_lookup = self.user_id.is_none() || self.kind.mailbox_purpose().is_some();
        Job {
            id: self.id,
            kind: self.kind.as_str().to_owned(),
            user_id: self.user_id,
            lookup: has_lookup.then(|| self.email.key().to_owned()),
            payload: serde_json::to_string(&payload).expect("texts are JSON"),
            created_at: self.created_at,
            attempts: self.attempts,
            due_at: self.failed_at.is_none().then_some(self.due_at),
            failed_at: self.failed_at,
            status: self.status,
            failed_attempts: self.failed_attempts,
            last_error: self.last_error.clone(),
        }
        .to_row()
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        let job = Job::from_row(row)?;
        let payload: Payload = row.parsed("payload", |text| serde_json::from_str(text).ok())?;
        Ok(Self {
            id: job.id,
            kind: row.parsed("kind", MailKind::from_name)?,
            user_id: job.user_id,
            email: EmailAddress::from_stored(payload.email),
            locale: row.parsed("payload", |_| Locale::from_tag(&payload.locale))?,
            device: payload.device,
            created_at: job.created_at,
            attempts: job.attempts,
            due_at: match job.failed_at {
                Some(at) => at,
                None => row.time("due_at")?,
            },
            failed_at: job.failed_at,
            status: job.status,
            failed_attempts: job.failed_attempts,
            last_error: job.last_error,
        })
    }
}
