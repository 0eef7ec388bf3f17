//! The rows of routes by path, for the lookup at each request. The router builds it once, and the app holds it.

use std::collections::HashMap;

use axum::extract::{MatchedPath, Request};
use axum::http::Method;

use crate::http::route::Route;

/// The rows by path.
#[derive(Debug)]
pub(crate) struct RouteIndex(HashMap<&'static str, RoutesOfPath>);

/// The rows of one path.
#[derive(Debug)]
pub(crate) struct RoutesOfPath {
    /// The path, as the router spells it.
    pub(crate) path: &'static str,
    rows: Vec<&'static Route>,
}

impl RouteIndex {
    /// Indexes the rows.
    pub(crate) fn new(rows: impl Iterator<Item = &'static Route>) -> Self {
        let mut paths = HashMap::new();
        for row in rows {
            let path = row.path;
            let empty = || RoutesOfPath {
                path,
                rows: Vec::new(),
            };
            paths.entry(path).or_insert_with(empty).rows.push(row);
        }
        Self(paths)
    }

    /// The rows of the path that the router has matched.
    pub(crate) fn matched(&self, request: &Request) -> Option<&RoutesOfPath> {
        let path = request.extensions().get::<MatchedPath>()?;
        self.0.get(path.as_str())
    }
}

impl RoutesOfPath {
    /// The row of a method; `HEAD` uses the row of `GET`.
    pub(crate) fn row(&self, method: &Method) -> Option<&'static Route> {
        let method = if *method == Method::HEAD {
            &Method::GET
        } else {
            method
        };
        let mut rows = self.rows.iter().copied();
        rows.find(|row| row.method == *method)
    }

    /// The value of `Allow`.
    pub(crate) fn allowed_methods(&self) -> String {
        let methods = self.rows.iter().flat_map(|row| match row.method {
            Method::GET => vec!["GET", "HEAD"],
            _ => vec![row.method.as_str()],
        });
        methods.collect::<Vec<_>>().join(", ")
    }

    /// The methods of the API.
    pub(crate) fn api_methods(&self) -> impl Iterator<Item = &'static str> {
        let rows = self.rows.iter().filter(|row| !row.is_page);
        rows.map(|row| row.method.as_str())
    }
}
