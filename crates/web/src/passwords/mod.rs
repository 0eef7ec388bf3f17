//! Password change, with the current password.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
