//! Exports and imports all users, and checks that the stored hashes can be verified. Only for the command line.

mod export;
mod import;
mod peppers;

use std::sync::Arc;

use crate::core::Core;

pub use export::ExportedUser;
pub use import::{BatchPacer, DryRun, ImportOutcome, ImportRejection, ImportedUser, derive_id};

/// Exports and imports all users.
pub struct Transfer {
    pub(crate) core: Arc<Core>,
}
