//! Second factors: lists, adds and removes them, renews the recovery codes, and undoes the first one by a mailed link.
//! Sign-in with one is in `sign_in`.

mod account_pages;
pub(crate) mod api;
mod console;
pub(crate) mod pages;
pub(crate) mod routes;
mod setup;
