//! One user, and the export of personal data.

pub(crate) mod api;
pub(crate) mod export_document;
