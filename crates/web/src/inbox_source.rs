//! The built-in inbox, for its page and its API. The binary implements it by the mail transport `inbox:`.

use async_trait::async_trait;
use serde::Serialize;
use utoipa::ToSchema;

/// A mail in the built-in inbox.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[schema(as = InboxMail)]
pub struct InboxEntry {
    /// Increasing number, for `after`.
    #[schema(minimum = 1, example = 1)]
    pub id: u64,
    /// Recipient.
    #[schema(format = Email, example = "ben@example.com")]
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// HTML part, a complete page. The API does not have it.
    #[serde(skip)]
    pub html: String,
    /// The link in the mail; empty if there is none.
    #[schema(example = "http://localhost:8000/confirmation/…")]
    pub url: String,
    /// Time of sending.
    #[schema(format = DateTime, example = "2026-11-21T08:00:00Z")]
    pub at: String,
}

/// The mails of the built-in inbox.
#[async_trait]
pub trait InboxSource: Send + Sync {
    /// Returns all mails, newest first.
    fn list(&self) -> Vec<InboxEntry>;

    /// Deletes all mails.
    fn clear(&self);

    /// Waits for a mail with a greater id, and returns the id of the newest mail. Returns `None` if the server
    /// stops.
    async fn newer_than(&self, id: u64) -> Option<u64>;
}
