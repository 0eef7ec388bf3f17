//! Sign-in: `POST /auth`.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod welcome;
