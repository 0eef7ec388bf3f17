//! One account: view, update, activity, delete and export.

mod activity;
mod delete;
mod export;
mod update;

use std::sync::Arc;

use crate::core::Core;

pub use activity::{Activity, ActivityActor};
pub(crate) use export::mails_about;
pub use export::{PasswordMetadata, PersonalData};
pub use update::{ProfileUpdate, ViewedUser};

/// Views, updates, deletes and exports one account, and lists its activity.
pub struct Profile {
    pub(crate) core: Arc<Core>,
}
