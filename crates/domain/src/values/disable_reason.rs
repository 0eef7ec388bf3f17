//! Why an admin disables an account: one of a few answers, since the audit log keeps no free text about users.

use super::Invalid;
use crate::string_enum::{parse_name, string_enum};

string_enum! {
    /// Why an admin disables an account.
    DisableReason {
        /// The account was used against the rules.
        Abuse => "abuse",
        /// Someone other than its user may know the password.
        Compromised => "compromised",
        /// The user no longer belongs to the organization.
        Left => "left",
        /// The user has asked for it.
        Requested => "requested",
        /// None of these.
        Other => "other",
    }
}

impl DisableReason {
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
        for reason in DisableReason::ALL {
            assert_eq!(DisableReason::parse(reason.as_str()), Ok(*reason));
        }
        for other in ["", "Abuse", "Ben left in May"] {
            assert_eq!(DisableReason::parse(other).unwrap_err().code, "invalid");
        }
    }
}
