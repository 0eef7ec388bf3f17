//! The routes of the health checks.

use super::api;
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/healthz", Ignored).api(|| routes!(api::healthz)),
    Route::get("/readyz", Ignored)
        .with_problems(&[&[Stopping]])
        .api(|| routes!(api::readyz)),
];
