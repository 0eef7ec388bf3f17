//! Sign-up: `POST /user`, and the pages `/sign-up` and `/sign-up/sent`.

pub(crate) mod api;
pub(crate) mod pages;
pub(crate) mod routes;
