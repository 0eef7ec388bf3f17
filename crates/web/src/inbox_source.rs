//! The built-in inbox, for its page and its API. The binary implements it by the mail transport `inbox:`.

use async_trait::async_trait;

/// A mail in the built-in inbox.
#[derive(Clone)]
pub struct InboxEntry {
    /// Increasing id.
    pub id: u64,
    /// Recipient.
    pub to: String,
    /// Subject.
    pub subject: String,
    /// Plain text part.
    pub text: String,
    /// Link in the mail.
    pub url: String,
    /// Time of sending (RFC 3339).
    pub at: String,
}

/// The mails of the built-in inbox.
#[async_trait]
pub trait InboxSource: Send + Sync {
    /// Returns all mails, newest first.
    fn list(&self) -> Vec<InboxEntry>;

    /// Waits for a mail with a greater id, and returns the id of the newest mail. Returns `None` if the server
    /// stops.
    async fn newer_than(&self, id: u64) -> Option<u64>;
}
