//! A mail in the outbox: stored together with the change that it reports, sent by the worker.

use jiff::Timestamp;

use serde::{Deserialize, Serialize};

use crate::store::{BadRow, Condition, Kind, Query, Record, Row, RowReader, Table, Value, Write};
use crate::values::{EmailAddress, Locale, MailJobId, UserId};

/// Kind of a mail. To add one: a variant here, its resolution in `outbox`, its templates.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MailKind {
    /// To a new user: confirm this address. If the address has an owner, to the owner: someone signed up with it.
    SignUp,
    /// The confirmation again, requested by address. The worker creates one such mail for each pending user.
    ConfirmationResend,
    /// A recovery link, requested by address.
    Recovery,
    /// The password was changed.
    PasswordChanged,
    /// To the new address: confirm it.
    EmailChange,
    /// To the old address: an admin requested a change.
    EmailChangeNotice,
    /// To the old address: its owner requested a change. The link undoes it.
    EmailChangeUndo,
    /// To the old address: the change was confirmed. The link undoes it.
    EmailChanged,
    /// To the address that an undo removed: the previous address is restored.
    EmailChangeUndone,
    /// A sign-in from a new device or network.
    NewSignIn,
    /// A sign-in after many wrong passwords.
    SignInAfterFailures,
    /// The account is locked out after many wrong passwords.
    Lockout,
}

impl MailKind {
    /// All kinds.
    pub const ALL: [Self; 12] = [
        Self::SignUp,
        Self::ConfirmationResend,
        Self::Recovery,
        Self::PasswordChanged,
        Self::EmailChange,
        Self::EmailChangeNotice,
        Self::EmailChangeUndo,
        Self::EmailChanged,
        Self::EmailChangeUndone,
        Self::NewSignIn,
        Self::SignInAfterFailures,
        Self::Lockout,
    ];

    /// Name in the tables and the logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::SignUp => "sign-up",
            Self::ConfirmationResend => "confirmation-resend",
            Self::Recovery => "recovery",
            Self::PasswordChanged => "password-changed",
            Self::EmailChange => "email-change",
            Self::EmailChangeNotice => "email-change-notice",
            Self::EmailChangeUndo => "email-change-undo",
            Self::EmailChanged => "email-changed",
            Self::EmailChangeUndone => "email-change-undone",
            Self::NewSignIn => "new-sign-in",
            Self::SignInAfterFailures => "sign-in-after-failures",
            Self::Lockout => "lockout",
        }
    }

    /// Finds a kind by its name. A worker does not lease mails of an unknown kind: a newer node does.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// A mail to be sent. It contains no secret: the worker creates the link when it sends the mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailJob {
    /// The id. The `Message-ID` is derived from it.
    pub id: MailJobId,
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
    /// Name of this mail in the detail of an audit event.
    pub fn audit_detail(&self) -> String {
        Self::audit_detail_of(self.id)
    }

    /// Name of the mail with this id in the detail of an audit event.
    pub fn audit_detail_of(id: MailJobId) -> String {
        format!("mail {id}")
    }

    /// Parses the detail of an audit event; `None` if it does not name a mail.
    pub fn in_audit_detail(detail: &str) -> Option<MailJobId> {
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
    /// All kinds of mails, for [`claim`](crate::store::Records::claim): a kind that only a newer release knows is left
    /// to its nodes.
    pub fn kinds() -> Vec<Value> {
        MailKind::ALL.map(|kind| kind.as_str().into()).into()
    }

    /// The mails about a user.
    pub fn of_user(user_id: UserId) -> Query {
        Query::by::<Self>(&["user_id"]).equal(user_id)
    }

    /// The mails that were requested for an address and have no user.
    pub fn of_address(email_key: &str) -> Query {
        Query::by::<Self>(&["lookup"]).equal(email_key)
    }

    /// The mails that wait, the next due first.
    pub fn waiting() -> Query {
        Query::by::<Self>(&["due_at"]).above(Timestamp::MIN)
    }

    /// The mail that has waited longest.
    pub fn oldest_waiting() -> Query {
        let waits = Condition::above("due_at", Timestamp::MIN);
        Query::by::<Self>(&["created_at"]).only(waits).limit(1)
    }

    /// The mails that failed permanently.
    pub fn failed() -> Query {
        Query::by::<Self>(&["failed_at"]).above(Timestamp::MIN)
    }

    /// Schedules the next attempt. Fails with `Stale` if the mail was deleted.
    pub fn retry_at(id: MailJobId, due_at: Timestamp) -> Write {
        Write::update::<Self, 1>(id, [("due_at", due_at.into())], Vec::new())
    }

    /// Ends this lease. Fails with `Stale` if it has ended.
    pub fn expire_lease(&self, now: Timestamp) -> Write {
        let when = vec![Condition::is("due_at", self.due_at)];
        Write::update::<Self, 1>(self.id, [("due_at", now.into())], when)
    }

    /// Marks the mail as permanently failed. It is stored until the sweep, and is not due again. Fails with `Stale` if the
    /// mail was deleted.
    pub fn fail(&self, at: Timestamp) -> Write {
        let set = [("failed_at", at.into()), ("due_at", Value::Null)];
        Write::update::<Self, 2>(self.id, set, Vec::new())
    }
}

impl Record for MailJob {
    const TABLE: &'static Table = &Table {
        // A mail that is not delivered is stored for a while.
        expires: Some("failed_at"),
        owner: Some("user_id"),
        indexes: &[
            &["due_at"],
            &["user_id"],
            &["lookup"],
            &["failed_at"],
            &["created_at"],
        ],
        ..Table::new(
            "jobs",
            &[
                Kind::Id.column("id"),
                Kind::Key.column("kind"),
                Kind::Id.nullable("user_id"),
                Kind::Key.nullable("lookup"),
                Kind::Text.column("payload"),
                Kind::Int.column("created_at"),
                Kind::Int.column("attempts"),
                Kind::Int.nullable("due_at"),
                Kind::Int.nullable("failed_at"),
            ],
        )
    };

    fn to_row(&self) -> Row {
        let payload = Payload {
            email: self.email.as_str().to_owned(),
            locale: self.locale.tag().to_owned(),
            device: self.device.clone(),
        };
        let payload = serde_json::to_string(&payload).expect("texts are JSON");
        let lookup = self.user_id.is_none().then(|| self.email.key());
        let due_at = self.failed_at.is_none().then_some(self.due_at);
        Row::new(
            Self::TABLE,
            [
                ("id", self.id.into()),
                ("kind", self.kind.as_str().into()),
                ("user_id", self.user_id.into()),
                ("lookup", lookup.into()),
                ("payload", payload.into()),
                ("created_at", self.created_at.into()),
                ("attempts", self.attempts.into()),
                ("due_at", due_at.into()),
                ("failed_at", self.failed_at.into()),
            ],
        )
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        let payload: Payload = row.parsed("payload", |text| serde_json::from_str(text).ok())?;
        let failed_at = row.opt_time("failed_at")?;
        Ok(Self {
            id: MailJobId::from_bytes(row.array("id")?),
            kind: row.parsed("kind", MailKind::from_name)?,
            user_id: row.opt_array("user_id")?.map(UserId::from_bytes),
            email: EmailAddress::from_stored(payload.email),
            locale: row.parsed("payload", |_| Locale::from_tag(&payload.locale))?,
            device: payload.device,
            created_at: row.time("created_at")?,
            attempts: row.int("attempts")?,
            due_at: match failed_at {
                Some(at) => at,
                None => row.time("due_at")?,
            },
            failed_at,
        })
    }
}
