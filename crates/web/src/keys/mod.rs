//! The public keys that other services verify tokens with, and the page of the console about the signing keys.

pub(crate) mod api;
mod console;
pub(crate) mod routes;
