//! Recovery: sets a new password with a mailed link.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
