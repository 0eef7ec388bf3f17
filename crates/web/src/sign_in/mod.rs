//! Sign-in: `POST /auth`, and the page `/sign-in`.

pub(crate) mod api;
pub(crate) mod notice;
pub(crate) mod pages;
pub(crate) mod routes;
