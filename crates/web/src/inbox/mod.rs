//! The built-in inbox, for development and tests without a mail server.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
