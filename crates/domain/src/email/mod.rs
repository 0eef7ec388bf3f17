//! The address of an account: confirmation, change, and the undo of a change.

mod change;
mod confirm;
mod undo;

pub use change::EmailChange;
pub use confirm::{Confirmation, Confirmed};
pub use undo::EmailUndo;
