//! Recovery: sets a new password with a mailed link.

pub(crate) mod api;
mod console;
pub(crate) mod pages;
pub(crate) mod routes;
