//! The totals of sign-ups, sign-ins, failures, mails and throttled requests.

pub(crate) mod api;
pub(crate) mod console;
pub(crate) mod routes;
