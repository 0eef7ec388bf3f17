//! Email addresses: confirmation, change, and the link that undoes a change.

pub(crate) mod change;
pub(crate) mod confirmation;
pub(crate) mod pages;
pub(crate) mod undo;
