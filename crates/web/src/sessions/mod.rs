//! Sessions, tokens for other services, and the check for reverse proxies.

pub(crate) mod api;
mod console;
mod devices_pages;
pub(crate) mod pages;
pub(crate) mod routes;
pub(crate) mod view;
