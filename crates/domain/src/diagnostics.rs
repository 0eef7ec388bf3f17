//! Results of `doorward doctor`: one diagnostic for each check, with a hint.
//!
//! Each crate that connects to an external component diagnoses that component; the command prints all diagnostics.

use jiff::Timestamp;

/// A step that prepares a database for a version of the program: one that this program or the database knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MigrationStatus {
    /// Its number; migrations are applied in this order.
    pub version: i64,
    /// Its name.
    pub name: String,
    /// The oldest migration whose program can work with a database that has this one.
    pub compatible_with: i64,
    /// Time of its application; `None` if it is pending.
    pub applied_at: Option<Timestamp>,
}

/// The result of the checks of a database.
#[derive(Debug)]
pub struct DatabaseDiagnostics {
    /// One per check.
    pub diagnostics: Vec<Diagnostic>,
    /// `true` if the database is reachable and usable.
    pub is_usable: bool,
}

/// Status of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum CheckStatus {
    /// The check passed.
    Passed,
    /// It works, but could be better or will fail soon.
    Warning,
    /// It does not work.
    Failed,
}

/// Result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Name of the check: `database`, `redis: persistence`.
    pub check: &'static str,
    /// The status.
    pub status: CheckStatus,
    /// The result, as a sentence. Contains no secret.
    pub message: String,
    /// A hint, as a sentence; `None` if the check passed.
    pub hint: Option<String>,
}

impl Diagnostic {
    /// Creates a diagnostic for a check that passed.
    pub fn passed(check: &'static str, message: impl Into<String>) -> Self {
        Self {
            check,
            status: CheckStatus::Passed,
            message: message.into(),
            hint: None,
        }
    }

    /// Creates a diagnostic for something that works, but needs attention.
    pub fn warning(
        check: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            check,
            status: CheckStatus::Warning,
            message: message.into(),
            hint: Some(hint.into()),
        }
    }

    /// Creates a diagnostic for something that does not work.
    pub fn failed(
        check: &'static str,
        message: impl Into<String>,
        hint: impl Into<String>,
    ) -> Self {
        Self {
            status: CheckStatus::Failed,
            ..Self::warning(check, message, hint)
        }
    }
}
