//! What `doorward doctor` finds when it tries a part: one line a finding, and how to mend it.
//!
//! Each crate that speaks to something outside examines that itself, since it alone knows how; the
//! command prints what all of them found.

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Fine,
    /// It works, and could be better or will not work for long.
    Warning,
    /// It does not work.
    Fault,
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// What was tried, in a word or three: `database`, `redis: persistence`.
    pub part: &'static str,
    /// How bad it is.
    pub verdict: Verdict,
    /// What was found, as a sentence. Shows no secret.
    pub found: String,
    /// What to do about it, as a sentence; none where all is well.
    pub mend: Option<String>,
}

impl Finding {
    /// All is well.
    pub fn fine(part: &'static str, found: impl Into<String>) -> Self {
        Self {
            part,
            verdict: Verdict::Fine,
            found: found.into(),
            mend: None,
        }
    }

    /// It works, but.
    pub fn warning(part: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            part,
            verdict: Verdict::Warning,
            found: found.into(),
            mend: Some(mend.into()),
        }
    }

    /// It does not work.
    pub fn fault(part: &'static str, found: impl Into<String>, mend: impl Into<String>) -> Self {
        Self {
            verdict: Verdict::Fault,
            ..Self::warning(part, found, mend)
        }
    }
}
