//! Deletion after some days: its request, its end, and the link that keeps the account.

pub(crate) mod api;
mod console;
pub(crate) mod pages;
pub(crate) mod routes;
