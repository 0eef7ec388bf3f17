//! What users see of their second factors.

use jiff::Timestamp;

use crate::values::{CredentialId, FactorKind, FactorName};

/// Maximum number of second factors of a user.
pub const MAX_FACTORS: usize = 10;

/// A second factor, without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Factor {
    /// Its id.
    pub id: CredentialId,
    /// Its kind.
    pub kind: FactorKind,
    /// Its name.
    pub name: String,
    /// `false` until its first code is verified.
    pub is_active: bool,
    /// When its enrolment began.
    pub created_at: Timestamp,
    /// When a code was last used.
    pub last_used_at: Option<Timestamp>,
}

impl Factor {
    /// The name that the user gave it. `None` for the default, which pages show in their language.
    pub fn own_name(&self) -> Option<&str> {
        Some(self.name.as_str()).filter(|name| *name != FactorName::DEFAULT)
    }
}

/// The second factors of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FactorList {
    /// All but the recovery codes, oldest first.
    pub factors: Vec<Factor>,
    /// Number of unused recovery codes; `None` if the user has no factor.
    pub recovery_codes: Option<usize>,
    /// When the recovery codes were created.
    pub codes_created_at: Option<Timestamp>,
}
