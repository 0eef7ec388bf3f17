//! The routes of the health checks.

use utoipa_axum::routes;

use super::api;
use crate::http::problem::Code::Stopping;
use crate::http::route::Authentication::Ignored;
use crate::http::route::Route;
use crate::route_handler::RouteHandler;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/healthz", Ignored).api(|| routes!(api::healthz)),
    Route::get("/readyz", Ignored)
        .with_problems(&[&[Stopping]])
        .api(|| routes!(api::readyz)),
];
