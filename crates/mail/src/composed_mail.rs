//! A rendered mail, ready for a transport.
//!
//! It has no `Debug`: its link opens an account.

use doorward_domain::model::MailKind;
use doorward_domain::values::EmailAddress;
use jiff::Timestamp;
use lettre::Message;

use crate::templates::Rendered;

/// A message and its parts, for transports that show them.
pub(crate) struct ComposedMail {
    /// Kind.
    pub kind: MailKind,
    /// Recipient.
    pub to: EmailAddress,
    /// Link in the mail.
    pub url: String,
    /// Part of the `Message-ID` before the `@`: letters, digits, `.`, `-` and `_`.
    pub id: String,
    /// Creation time.
    pub at: Timestamp,
    /// Subject, text and HTML.
    pub rendered: Rendered,
    /// Message with its envelope.
    pub message: Message,
}
