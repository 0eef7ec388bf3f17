//! The public keys that other services verify tokens with.

pub(crate) mod api;
pub(crate) mod routes;
