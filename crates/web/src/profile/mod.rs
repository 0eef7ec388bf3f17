//! One user: show, update, delete, and the export of personal data.

pub(crate) mod delete;
pub(crate) mod export;
pub(crate) mod export_document;
pub(crate) mod show;
pub(crate) mod update;
