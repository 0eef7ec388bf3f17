//! What admins do with other accounts: list, change of role, change of status.

pub(crate) mod list_users;
pub(crate) mod role;
pub(crate) mod status;
