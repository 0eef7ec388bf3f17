//! Health checks for supervisors and load balancers, the nodes, and what needs the attention of an admin.

pub(crate) mod api;
mod console;
pub(crate) mod routes;
