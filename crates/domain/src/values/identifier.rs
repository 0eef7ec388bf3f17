//! The name by which a client identifies an account.

use super::{EmailAddress, Username};

/// Identifies the account that a password is presented for. Usernames and addresses are separate namespaces, each
/// looked up in its own column.
#[derive(Debug, Clone)]
pub enum Identifier {
    /// A username.
    Username(Username),
    /// A confirmed address. A pending one is found too, to report that it is not confirmed.
    Email(EmailAddress),
}
