//! The audit log.

pub(crate) mod api;
pub(crate) mod console;
pub(crate) mod routes;
pub(crate) mod view;
