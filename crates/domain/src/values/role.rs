//! The role of a user.

use crate::string_enum::string_enum;

string_enum! {
    /// Role of a user.
    Role {
        /// May act on their own account only.
        User => "user",
        /// May manage all users.
        Admin => "admin",
    }
}

impl Role {
    /// Returns `true` if this role may do everything that `other` may do.
    pub fn includes(self, other: Self) -> bool {
        self == Self::Admin || other == Self::User
    }
}
