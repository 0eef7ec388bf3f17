//! The route of the audit log.

use utoipa_axum::routes;

use super::api;
use crate::http::problem::Code::Forbidden;
use crate::http::route::Authentication::Required;
use crate::http::route::{QUERY, Route};
use crate::route_handler::RouteHandler;

pub(crate) const ROUTES: &[RouteHandler] = &[Route::get("/audit", Required)
    .with_problems(&[&[Forbidden], QUERY])
    .api(|| routes!(api::list_audit_events))];
