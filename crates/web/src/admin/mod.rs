//! What admins do with accounts.

pub(crate) mod api;
