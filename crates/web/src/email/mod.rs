//! Email addresses: confirmation, change, and the link that undoes a change.

pub(crate) mod api;
mod change_pages;
pub(crate) mod console;
pub(crate) mod pages;
pub(crate) mod routes;
