//! One account: view, update, delete and export.

mod delete;
mod export;
mod update;

use std::sync::Arc;

use crate::core::Core;

pub use export::{PasswordMetadata, PersonalData};
pub use update::{ProfileUpdate, ViewedUser};

/// Views, updates, deletes and exports one account.
pub struct Profile {
    pub(crate) core: Arc<Core>,
}
