//! The stories: one file each, each a method or a few of [`crate::Accounts`].
//!
//! A story takes the [`crate::Ctx`] first, decides everything that is to be decided, and composes
//! [`crate::changes::Change`]s. It translates nothing from or to the outside. A story that a
//! handler, a page and the command line need stands here once.

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
