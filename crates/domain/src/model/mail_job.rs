//! A mail in the outbox: stored together with the change that it reports, sent by the worker.

use jiff::Timestamp;

use serde::{Deserialize, Serialize};

use crate::model::Job;
use crate::model::mail_kind::MailKind;
use crate::store::{BadRow, Condition, Record, Row, RowReader, Table, Value};
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
        })
    }
}
