//! The result of converting one user of a file, and the texts of errors. None of them contains a hash.

use std::fmt;

use doorward_domain::transfer::{ImportRejection, ImportedUser};
use doorward_domain::values::Invalid;

use crate::options::UserField;

/// A user of a file, or the reason to reject it without querying the store.
pub type Conversion = Result<ConvertedUser, Rejection>;

/// A user to import.
#[derive(Debug)]
pub struct ConvertedUser {
    /// The user.
    pub user: ImportedUser,
    /// Fields that were changed or not imported.
    pub notes: Vec<ImportNote>,
}

/// A difference between the file and the imported user.
#[derive(Debug)]
pub struct ImportNote {
    /// Stable code, for programs.
    pub code: String,
    /// Description.
    pub detail: String,
    /// The original value, of an id that was replaced.
    pub original: Option<String>,
}

impl ImportNote {
    pub(crate) fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            original: None,
        }
    }
}

/// Rejection of a user. It never contains a hash.
#[derive(Debug)]
pub struct Rejection {
    /// Stable code, for programs.
    pub code: String,
    /// Description.
    pub detail: String,
    /// Username, email address or id, if one could be read.
    pub identifier: Option<String>,
    /// `true` if the record is not a user: a row of another table, a deleted user.
    pub is_skipped: bool,
}

impl Rejection {
    pub(crate) fn new(code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            detail: detail.into(),
            identifier: None,
            is_skipped: false,
        }
    }

    pub(crate) fn malformed(detail: impl Into<String>) -> Self {
        Self::new("malformed", detail)
    }

    pub(crate) fn skipped(code: &str, detail: &str) -> Self {
        Self {
            is_skipped: true,
            ..Self::new(code, detail)
        }
    }

    pub(crate) fn invalid(field: UserField, invalid: &Invalid) -> Self {
        Self::new(format!("{}-invalid", field.name()), invalid.detail.clone())
    }

    /// A rejection by the domain.
    pub fn refused(rejection: &ImportRejection) -> Self {
        Self::new(rejection.code(), capitalize(rejection))
    }

    pub(crate) fn with_identifier(self, identifier: Option<&str>) -> Self {
        Self {
            identifier: identifier.map(str::to_owned),
            ..self
        }
    }
}

/// Formats an error as a sentence.
pub(crate) fn capitalize(error: &impl fmt::Display) -> String {
    let text = error.to_string();
    let mut rest = text.chars();
    let first = rest.next().map(|c| c.to_uppercase().to_string());
    format!("{}{}.", first.unwrap_or_default(), rest.as_str())
}

/// The message of an error without the text of the file that it quotes, which could be a hash.
pub(crate) fn unquoted(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.split_once('"') {
        Some((before, after)) => {
            let rest = after.rsplit_once('"').map_or("", |(_, rest)| rest);
            format!("{}{rest}", before.trim_end())
        }
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;

    /// C-02: a hash in the place of a time or a number is not repeated.
    #[test]
    fn errors_do_not_quote_the_file() {
        let hash = "$argon2id$v=19$m=64,t=1,p=1$c29tZXNhbHQ$9sTbSlTio3Biev89thdrlA";
        for wrong in [
            serde_json::from_value::<Timestamp>(format!("2026-01-01T00:00:00{hash}").into()).err(),
            serde_json::from_value::<Timestamp>(hash.into()).err(),
            serde_json::from_value::<i64>(format!("a\"{hash}\"b").into()).err(),
        ] {
            let message = unquoted(&wrong.unwrap());
            assert!(
                !message.contains("argon2") && message.len() > 10,
                "{message}"
            );
        }
    }
}
