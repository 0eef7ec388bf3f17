//! Mail: from what a flow wants to tell somebody to a message that somebody's server has taken.
//!
//! [`TemplateMailer`] implements `doorward_domain::ports::Mailer`. A [`Mail`] goes through three
//! steps, each a module that knows nothing of the others:
//!
//! 1. `templates` turns it into a subject, a text and an HTML page, in the reader's language;
//! 2. `message` puts them into a MIME message with one sender and one recipient;
//! 3. `transport` hands that to a mail server, a folder, the log or the built-in inbox.
//!
//! This crate must not know why a mail is sent, when to try again, or how a link is made: flows
//! and the worker decide that. It asks no store and makes no secret. It writes no address in
//! clear and no link to a log, but for the `log:` transport, whose purpose that is.
//!
//! To add a mail: a variant of `MailTemplate`, a `.txt` and an `.html` in each folder of
//! `templates/`, and a line for each in `templates/builtin.rs`; a test finds what is missing.
//! To add a language: a variant of `Locale`, its folder, its words in `phrases.rs`.
//! To add a transport: see `transport/mod.rs`.
//!
//! [`Mail`]: doorward_domain::ports::Mail

mod error;
mod examine;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod letter;
mod mailer;
mod mask;
mod message;
mod phrases;
mod settings;
mod templates;
mod transport;

#[cfg(test)]
mod samples;

pub use error::MailSetupError;
pub use examine::examine;
pub use mailer::TemplateMailer;
pub use mask::mask_addresses;
pub use settings::MailSettings;
pub use templates::TemplateError;
pub use transport::inbox::{Inbox, InboxMail};
pub use transport::smtp::{Security, SmtpLogin, SmtpSettings, SmtpUrlError};
pub use transport::url::{TransportSettings, TransportUrlError, parse_transport};
