//! The address of an account: confirmation, change, and the undo of a change.

mod change;
mod confirm;
mod undo;

use std::sync::Arc;

use crate::core::Core;

pub use confirm::Confirmed;

/// Confirms and changes addresses.
pub struct Email {
    pub(crate) core: Arc<Core>,
}
