//! Health checks for supervisors and load balancers.

pub(crate) mod api;
pub(crate) mod routes;
