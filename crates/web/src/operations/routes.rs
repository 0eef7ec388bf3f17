//! The routes of the health checks, and the first page of the console.

use super::{api, console};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/healthz", Ignored).api(|| routes!(api::healthz)),
    Route::get("/readyz", Ignored)
        .with_problems(&[&[Stopping]])
        .api(|| routes!(api::readyz)),
    Route::get("/admin", RequiredOrSignInPage).console(|| get(console::dashboard)),
];
