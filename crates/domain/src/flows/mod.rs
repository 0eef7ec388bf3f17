//! The flows: one file each, with one or more methods of [`crate::Accounts`].
//!
//! A flow takes the [`crate::Ctx`] first, applies the rules and composes [`crate::changes::Change`]s. It does not
//! parse requests or format responses. A handler, a page and a command that need the same flow call the same
//! method.

pub mod administer;
pub mod audience_token;
pub mod audit;
pub mod change_email;
pub mod change_password;
pub mod confirm;
pub mod delete_account;
pub mod deliver_mail;
pub mod export;
pub mod export_user;
pub mod housekeeping;
pub mod import;
pub mod keys;
pub mod operator;
pub mod peppers;
pub mod recover;
pub mod renewal;
pub mod seal_audit;
pub mod sessions;
pub mod sign_in;
mod sign_in_notice;
pub mod sign_out;
pub mod sign_up;
pub mod step_up;
pub(crate) mod suppressed;
pub mod undo_email_change;
pub mod update_profile;
