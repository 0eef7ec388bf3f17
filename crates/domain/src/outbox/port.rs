//! The port that sends mails, and the state of the outbox.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::model::MailKind;
use crate::values::{EmailAddress, Locale};

/// Maximum duration of [`Mailer::send`]. A worker's lease on the mail lasts longer.
pub const MAIL_TIMEOUT: Duration = Duration::from_secs(90);

/// Renders mails in their language and hands them to a mail server.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Sends the mail once, within [`MAIL_TIMEOUT`]. `Ok` means that the mail server accepted it.
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;
    /// Renders the mail without sending it.
    fn preview(&self, mail: &Mail) -> Result<MailText, MailError>;
}

/// What a recipient reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailText {
    /// The subject.
    pub subject: String,
    /// The text.
    pub text: String,
}

/// A mail to be rendered: its recipient and its content. Not `Debug`, because it contains a link.
#[derive(Clone)]
pub struct Mail {
    /// What it says. It may differ from the kind that was queued.
    pub kind: MailKind,
    /// The recipient.
    pub to: EmailAddress,
    /// The language.
    pub locale: Locale,
    /// How to address the user: name, username, or `None`.
    pub greeting: Option<String>,
    /// The username, if there is one. A confirmation mail shows which account it confirms.
    pub username: Option<String>,
    /// The link in the mail, or the URL of the server.
    pub url: String,
    /// Lifetime of the link in minutes.
    pub valid_minutes: Option<i64>,
    /// Time of the reported event: the sign-up, the change or the request.
    pub at: Timestamp,
    /// The new address in a notice, masked.
    pub new_email: Option<String>,
    /// When the account is deleted, if that was requested.
    pub deletion_at: Option<Timestamp>,
    /// Browser, operating system and IP address of a sign-in, such as `Firefox, Linux, 192.0.2.7`.
    pub device: Option<String>,
    /// Value for the `Message-ID`. The same for every attempt, unless a new attempt voids the link of the previous one.
    pub message_id: String,
}

/// Why a mail could not be sent.
#[derive(Debug, thiserror::Error)]
#[error("mail not sent ({})", if *permanent { "permanent" } else { "temporary" })]
pub struct MailError {
    /// `true` if a retry is pointless: the mail server rejected this mailbox (5xx).
    pub permanent: bool,
    /// The underlying error.
    #[source]
    pub cause: Box<dyn std::error::Error + Send + Sync>,
}

/// State of the outbox.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct OutboxStats {
    /// Number of queued mails, including those that a worker has leased.
    pub waiting: u64,
    /// Creation time of the oldest queued mail.
    pub oldest_at: Option<Timestamp>,
    /// Earliest due time of a queued mail. If it is long past, no worker is sending.
    pub due_at: Option<Timestamp>,
    /// Number of mails that failed permanently and are still stored.
    pub failed: u64,
}
