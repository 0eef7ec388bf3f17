//! The start page `/`: a greeting for programs. Browsers get the page of `sign_in`.

pub(crate) mod api;
pub(crate) mod routes;
