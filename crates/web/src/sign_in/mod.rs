//! Sign-in: `POST /auth`.

pub(crate) mod api;
