//! The signing keys: the public halves that other services verify tokens with, and for admins what each is used for.

pub(crate) mod api;
mod console;
pub(crate) mod routes;
pub(crate) mod view;
