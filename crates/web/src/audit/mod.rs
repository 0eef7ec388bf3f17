//! The audit log.

pub(crate) mod api;
pub(crate) mod console;
mod named_user;
pub(crate) mod routes;
pub(crate) mod view;
