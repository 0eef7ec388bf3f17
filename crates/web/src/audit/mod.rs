//! The audit log.

pub(crate) mod api;
