//! Documents for developers: the OpenAPI document, the API reference, and the explanations of problems.

pub(crate) mod api;
#[cfg(test)]
mod api_md;
mod contents;
pub(crate) mod documents;
mod objects;
pub(crate) mod openapi;
pub(crate) mod pages;
pub(crate) mod routes;
