//! Invitations: admins invite users, and users accept with a link.

pub(crate) mod api;
mod console;
mod console_several;
pub(crate) mod pages;
pub(crate) mod routes;
pub(crate) mod view;
