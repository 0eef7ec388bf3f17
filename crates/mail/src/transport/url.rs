//! Where mails go, as one line of configuration.
//!
//! Must not know how any of them works. An error here never repeats the line, which may hold a
//! password. To add a transport: its scheme in [`parse_transport`] and in the error's list.

use std::path::PathBuf;

use super::smtp::{SmtpSettings, SmtpUrlError};

/// Where mails go.
#[derive(Debug, Clone)]
pub enum TransportSettings {
    /// To a mail server.
    Smtp(SmtpSettings),
    /// Into a folder, each an `.eml` file.
    Folder(PathBuf),
    /// Into the log, link and all: for development alone.
    Log,
    /// Into memory, where the inbox page shows them: for development alone.
    Inbox,
}

/// Why a line names no place for mails.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TransportUrlError {
    /// No scheme, or one that no transport has.
    #[error("mail goes to smtp://HOST, smtps://HOST, folder:PATH, log: or inbox:")]
    Scheme,
    /// `folder:` and nothing behind it.
    #[error("folder: needs a path, as in folder:./mails")]
    NoPath,
    /// `log:` or `inbox:` and something behind it.
    #[error("{scheme}: takes nothing behind it")]
    NothingFollows {
        /// Which.
        scheme: &'static str,
    },
    /// The address of a mail server is wrong.
    #[error("the address of the mail server: {0}")]
    Smtp(#[from] SmtpUrlError),
}

/// Reads `smtp://…`, `smtps://…`, `folder:PATH`, `log:` or `inbox:`.
pub fn parse_transport(line: &str) -> Result<TransportSettings, TransportUrlError> {
    let line = line.trim();
    let (scheme, rest) = line.split_once(':').ok_or(TransportUrlError::Scheme)?;
    match (scheme.to_ascii_lowercase().as_str(), rest) {
        ("smtp" | "smtps", _) => Ok(TransportSettings::Smtp(SmtpSettings::parse(line)?)),
        ("folder", "") => Err(TransportUrlError::NoPath),
        ("folder", path) => Ok(TransportSettings::Folder(PathBuf::from(path))),
        ("log", "") => Ok(TransportSettings::Log),
        ("log", _) => Err(TransportUrlError::NothingFollows { scheme: "log" }),
        ("inbox", "") => Ok(TransportSettings::Inbox),
        ("inbox", _) => Err(TransportUrlError::NothingFollows { scheme: "inbox" }),
        _ => Err(TransportUrlError::Scheme),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_scheme_names_its_transport() {
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
    fn what_names_none_is_refused_without_repeating_it() {
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
