//! Second factors: lists, adds and removes them, and renews the recovery codes. Sign-in with one is in `sign_in`.

pub(crate) mod api;
pub(crate) mod pages;
