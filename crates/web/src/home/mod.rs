//! The start page `/`: a greeting for programs. Browsers are redirected to the page of the account, or to the sign-in.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
