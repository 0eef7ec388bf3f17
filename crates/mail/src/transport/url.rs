//! Parses `mail.url`: the destination of mails.
//!
//! No error contains a part of the URL, which may hold a password. To add a transport: its scheme in
//! [`parse_transport`] and in the error's list.

use std::path::PathBuf;

use super::smtp::{SmtpSettings, SmtpUrlError};

/// Destination of mails.
#[derive(Debug, Clone)]
pub enum TransportSettings {
    /// A mail server.
    Smtp(SmtpSettings),
    /// A folder of `.eml` files.
    Folder(PathBuf),
    /// The log, with links. For development.
    Log,
    /// The built-in inbox, in memory. For development.
    Inbox,
}

/// An invalid destination.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportUrlError {
    /// No scheme, or an unknown one.
    #[error("must be smtp://HOST, smtps://HOST, folder:PATH, log: or inbox:")]
    Scheme,
    /// `folder:` without a path.
    #[error("folder: needs a path, as in folder:./mails")]
    NoPath,
    /// Text after `log:` or `inbox:`.
    #[error("remove the text after {scheme}:")]
    UnexpectedSuffix {
        /// Scheme.
        scheme: &'static str,
    },
    /// The URL of the mail server is invalid.
    #[error("the URL of the mail server is invalid: {0}")]
    Smtp(#[from] SmtpUrlError),
}

/// Parses `smtp://…`, `smtps://…`, `folder:PATH`, `log:` or `inbox:`.
pub fn parse_transport(line: &str) -> Result<TransportSettings, TransportUrlError> {
    let line = line.trim();
    let (scheme, rest) = line.split_once(':').ok_or(TransportUrlError::Scheme)?;
    match (scheme.to_ascii_lowercase().as_str(), rest) {
        ("smtp" | "smtps", _) => Ok(TransportSettings::Smtp(SmtpSettings::parse(line)?)),
        ("folder", "") => Err(TransportUrlError::NoPath),
        ("folder", path) => Ok(TransportSettings::Folder(PathBuf::from(path))),
        ("log", "") => Ok(TransportSettings::Log),
        ("log", _) => Err(TransportUrlError::UnexpectedSuffix { scheme: "log" }),
        ("inbox", "") => Ok(TransportSettings::Inbox),
        ("inbox", _) => Err(TransportUrlError::UnexpectedSuffix { scheme: "inbox" }),
        _ => Err(TransportUrlError::Scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_selects_its_transport() {
        assert!(matches!(
            parse_transport("smtps://mail.example.com"),
            Ok(TransportSettings::Smtp(_))
        ));
        assert!(matches!(
            parse_transport(" SMTP://localhost "),
            Ok(TransportSettings::Smtp(_))
        ));
        assert!(matches!(
            parse_transport("log:"),
            Ok(TransportSettings::Log)
        ));
        assert!(matches!(
            parse_transport("inbox:"),
            Ok(TransportSettings::Inbox)
        ));
        match parse_transport("folder:./mails:here") {
            Ok(TransportSettings::Folder(path)) => assert_eq!(path, PathBuf::from("./mails:here")),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_invalid_destination_is_rejected_without_repeating_it() {
        for line in [
            "",
            "log",
            "folder:",
            "log:x",
            "inbox:x",
            "user:hunter2@mail.example.com",
            "http://u:hunter2@h",
            "smtp:u:hunter2@h",
        ] {
            let error = parse_transport(line).unwrap_err();
            assert!(!format!("{error} {error:?}").contains("hunter2"), "{line}");
        }
    }
}
