//! The outbox: queued mails, for admins.

pub(crate) mod api;
pub(crate) mod console;
pub(crate) mod routes;
pub(crate) mod view;
