//! Results of `doorward doctor`: one finding for each check, with a hint.
//!
//! Each crate that connects to an external component diagnoses that component; the command prints all findings.

/// Severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// The check passed.
    Fine,
    /// It works, but could be better or will fail soon.
    Warning,
    /// It does not work.
    Fault,
}

/// Result of one check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Name of the check: `database`, `redis: persistence`.
    pub part: &'static str,
    /// The severity.
    pub verdict: Verdict,
    /// The result, as a sentence. Contains no secret.
    pub found: String,
    /// A hint, as a sentence; `None` if the check passed.
    pub mend: Option<String>,
}

impl Finding {
    /// Creates a finding for a check that passed.
    pub fn fine(part: &'static str, found: impl Into<String>) -> Self {
        Self {
            part,
            verdict: Verdict::Fine,
            found: found.into(),
            mend: None,
        }
    }

    /// Creates a finding for something that works, but needs attention.
    pub fn warning(part: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            part,
            verdict: Verdict::Warning,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }

    /// Creates a finding for something that does not work.
    pub fn fault(part: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fault,
            ..Self::warning(part, found, mend)
        }
    }
}
