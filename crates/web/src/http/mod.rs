//! Shared parts of all endpoints: steps before a handler, readers of requests, and writers of responses.
//!
//! No file here imports a feature, the list of routes or the router; a test checks it.

pub(crate) mod body;
pub(crate) mod caller;
pub(crate) mod cookies;
pub(crate) mod cors;
pub(crate) mod credentials;
pub(crate) mod cross_site;
pub(crate) mod etag;
pub(crate) mod guard;
pub(crate) mod handler;
pub(crate) mod headers;
pub(crate) mod host;
pub(crate) mod json;
pub(crate) mod limits;
pub(crate) mod links;
pub(crate) mod middleware;
pub(crate) mod negotiate;
pub(crate) mod networks;
pub(crate) mod observer;
pub(crate) mod origins;
pub(crate) mod paging;
pub(crate) mod params;
pub(crate) mod plain_http;
pub(crate) mod problem;
pub(crate) mod problem_response;
pub(crate) mod request_log;
pub(crate) mod responses;
pub(crate) mod route;
pub(crate) mod route_index;
pub(crate) mod trusted_proxies;
