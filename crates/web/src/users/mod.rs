//! Users: one's own account, the export of personal data, and what admins do with other accounts.

pub(crate) mod activity;
mod activity_pages;
pub(crate) mod admin;
pub(crate) mod api;
mod console;
mod console_acts;
mod console_profile;
mod data_pages;
pub(crate) mod export_document;
pub(crate) mod pages;
mod profile_pages;
mod retention;
pub(crate) mod routes;
pub(crate) mod view;
