//! Renders mails and sends them.
//!
//! [`TemplateMailer`] implements `doorward_domain::outbox::Mailer`. A [`Mail`] passes three
//! independent modules:
//!
//! 1. `templates` renders the subject, a text and an HTML page in the recipient's language;
//! 2. `message` builds a MIME message with one sender and one recipient;
//! 3. `transport` sends it to a mail server, a folder, the log or the built-in inbox.
//!
//! Services and the worker decide why a mail is sent, when to retry it, and which link it contains. This
//! crate reads no store and generates no secret. It logs no address and no link, except in the `log:`
//! transport.
//!
//! To add a mail: a row of `MailKind` and its messages in `crates/messages/locales/`; tests find what is missing.
//! A mail that needs a layout of its own has a `.txt` or `.html` in `templates/`, named after it.
//! To add a transport: see `transport/mod.rs`.
//!
//! [`Mail`]: doorward_domain::outbox::Mail

mod composed_mail;
mod diagnostics;
mod error;
mod mailer;
mod mask;
mod message;
mod settings;
mod templates;
mod transport;

#[cfg(test)]
mod samples;

pub use diagnostics::diagnose;
pub use error::MailSetupError;
pub use mailer::TemplateMailer;
pub use mask::mask_addresses;
pub use settings::{MailBrand, MailSettings};
pub use templates::TemplateError;
pub use transport::inbox::{Inbox, InboxMail};
pub use transport::smtp::{Security, SmtpSettings, SmtpUrlError};
pub use transport::url::{TransportSettings, TransportUrlError, parse_transport};
