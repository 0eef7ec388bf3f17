//! A mail with everything done but the sending: what [`crate::message`] makes and a transport takes.
//!
//! Must not know where it goes. It has no `Debug`: its link opens an account. To add what a new
//! transport needs, add a field here and fill it in [`crate::mailer`].

use doorward_domain::ports::MailTemplate;
use doorward_domain::values::EmailAddress;
use jiff::Timestamp;
use lettre::Message;

use crate::templates::Rendered;

/// A message, and the parts it was made of for those that show rather than send.
pub(crate) struct Letter {
    /// Which mail it is.
    pub template: MailTemplate,
    /// The one recipient.
    pub to: EmailAddress,
    /// The link it is about.
    pub url: String,
    /// The `Message-ID` before its `@`; letters, digits, `.`, `-` and `_` alone.
    pub id: String,
    /// When it was made.
    pub at: Timestamp,
    /// Subject, text and HTML.
    pub rendered: Rendered,
    /// The whole message, with its envelope.
    pub message: Message,
}
