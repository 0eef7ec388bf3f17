//! Why a user deletes an account: one of a few answers, since the audit log keeps no text of users.

use super::Invalid;
use crate::string_enum::{parse_name, string_enum};

string_enum! {
    /// Why a user deletes an account.
    DeletionReason {
        /// The user has no use for it.
        NotNeeded => "not-needed",
        /// The user has another account.
        OtherAccount => "other-account",
        /// The user does not want the data to be stored.
        Privacy => "privacy",
        /// Something did not work.
        Problems => "problems",
        /// None of these.
        Other => "other",
    }
}

impl DeletionReason {
    /// Parses the name of a reason.
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        parse_name(text, Self::ALL, Self::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_one_of_the_names() {
        for reason in DeletionReason::ALL {
            assert_eq!(DeletionReason::parse(reason.as_str()), Ok(*reason));
        }
        for other in ["", "Privacy", "I moved"] {
            assert_eq!(DeletionReason::parse(other).unwrap_err().code, "invalid");
        }
    }
}
