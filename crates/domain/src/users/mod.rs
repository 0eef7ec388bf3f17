//! Accounts.
//!
//! - `profile`: views and updates one; `activity` lists what happened to it, `personal_export` exports all about it.
//! - `list`: lists and finds users; `account` shows everything about one, with `sign_in_failures`; `attention`: what an admin should look at.
//! - `admin`: changes role and status.
//! - `operator`: the commands.
//! - `removal`: deletes users, and pending addresses.
//!
//! What several services check is here.

mod account;
mod activity;
mod admin;
mod attention;
mod list;
mod operator;
mod personal_export;
mod profile;
pub(crate) mod removal;
mod sign_in_failures;

use crate::error::FieldError;
use crate::values::{EmailAddress, Invalid, Username};

pub(crate) use account::people_of;
pub use account::{Account, Accounts, People};
pub use activity::{Activity, ActivityActor, RecentActivity};
pub use admin::Admin;
pub use attention::{Attention, Overview};
pub use list::UserList;
pub use operator::{NewUser, Operator};
pub(crate) use personal_export::mails_about;
pub use personal_export::{PasswordMetadata, PersonalData, PersonalExport};
pub use profile::{Profile, ProfileUpdate, ViewedUser};
pub use sign_in_failures::SignInFailures;

/// Fails if there is neither a username nor an address: no sign-in would be possible.
pub(crate) fn ensure_identifier(
    username: Option<&Username>,
    email: Option<&EmailAddress>,
) -> Result<(), FieldError> {
    if username.is_none() && email.is_none() {
        let missing = Invalid::new("missing", "Send a `username`, an `email` or both.");
        return Err(FieldError::new("username", missing));
    }
    Ok(())
}
