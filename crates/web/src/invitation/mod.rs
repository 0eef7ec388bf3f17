//! Invitations: admins invite users, and users accept with a link.

pub(crate) mod api;
mod console;
pub(crate) mod pages;
pub(crate) mod routes;
pub(crate) mod view;
