//! Second factors: lists, adds and removes them, renews the recovery codes, and undoes the first one by a mailed link.
//! Sign-in with one is in `sign_in`.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
