//! Sign-in: `POST /auth`.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
pub(crate) mod welcome;
