//! The views of a queued mail.

use doorward_domain::model::MailJob;
use doorward_domain::outbox::{MailText, ViewedMail};
use jiff::Timestamp;
use serde::Serialize;
use utoipa::ToSchema;

/// A queued mail.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = QueuedMail)]
pub(crate) struct QueuedMailView {
    /// Id; sorts by time.
    #[schema(format = "uuid", example = "019363a0-7c2d-7e63-9b20-4d1f3e5c6a71")]
    id: String,
    /// Kind of mail.
    #[schema(example = "recovery")]
    kind: &'static str,
    /// `waiting`: no attempt has failed; `failing`: one has, and another will be made; `given-up`: it failed permanently, and is
    /// deleted after 7 days.
    #[schema(pattern = "^(waiting|failing|given-up)$", example = "failing")]
    status: &'static str,
    /// The user it is about; null if it was requested by address.
    #[schema(
        required = true,
        format = "uuid",
        example = "019363a0-5a3e-7c41-9f0e-2b9d1c3a4e5f"
    )]
    user_id: Option<String>,
    /// The address it was requested for, masked.
    #[schema(example = "b***@example.com")]
    to: String,
    /// Creation time.
    #[schema(value_type = String, format = DateTime, example = "2026-11-21T08:00:00Z")]
    created_at: Timestamp,
    /// Number of attempts, including one that is being made.
    #[schema(minimum = 0, example = 3)]
    attempts: i64,
    /// When it is tried next; null if it is being sent or failed permanently.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-21T08:05:00Z")]
    next_attempt_at: Option<Timestamp>,
    /// When it failed permanently.
    #[schema(required = true, value_type = Option<String>, format = DateTime, example = "2026-11-24T08:00:00Z")]
    failed_at: Option<Timestamp>,
    /// Why the last attempt failed, in the words of the mail server. Addresses are masked.
    #[schema(required = true, example = "451 4.3.0 Temporary failure")]
    last_error: Option<String>,
}

impl QueuedMailView {
    pub(crate) fn new(mail: &MailJob, now: Timestamp) -> Self {
        Self {
            id: mail.id.to_string(),
            kind: mail.kind.as_str(),
            status: mail.status.as_str(),
            user_id: mail.user_id.map(|id| id.to_string()),
            to: mail.email.masked(),
            created_at: mail.created_at,
            attempts: mail.attempts,
            next_attempt_at: mail.next_attempt_at(now),
            failed_at: mail.failed_at,
            last_error: mail.last_error.clone(),
        }
    }
}

/// A queued mail and its content.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = ViewedMail)]
pub(crate) struct ViewedMailView {
    /// The mail.
    mail: QueuedMailView,
    /// What it would say now; null if it would be dropped, because it no longer has a recipient, or replaced by one mail for
    /// each account that waits for a confirmation.
    #[schema(required = true)]
    preview: Option<MailPreviewView>,
}

/// The content of a mail. Its link does not work: the secret is created when a mail is sent.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = MailPreview)]
pub(crate) struct MailPreviewView {
    /// Subject.
    #[schema(example = "Reset your Doorward password")]
    subject: String,
    /// Text.
    text: String,
}

impl ViewedMailView {
    pub(crate) fn new(viewed: ViewedMail, now: Timestamp) -> Self {
        Self {
            mail: QueuedMailView::new(&viewed.mail, now),
            preview: viewed.text.map(MailPreviewView::from),
        }
    }
}

impl From<MailText> for MailPreviewView {
    fn from(MailText { subject, text }: MailText) -> Self {
        Self { subject, text }
    }
}
