//! Invitations: admins invite users, and users accept with a link.

pub(crate) mod api;
mod console;
pub(crate) mod pages;
pub(crate) mod routes;
mod several;
pub(crate) mod view;
