//! The audit log.

pub(crate) mod api;
mod console;
pub(crate) mod routes;
pub(crate) mod view;
