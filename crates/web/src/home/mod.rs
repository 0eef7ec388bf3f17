//! The start page `/`: a greeting for programs; for browsers the sign-in and sign-up forms, or the user's data.

pub(crate) mod api;
pub(crate) mod routes;
