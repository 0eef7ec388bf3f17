//! The routes of the health checks and the nodes, and of the console's first page, health and settings.

use super::{api, console};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/healthz", Ignored).api(operation!(api::healthz)),
    Route::get("/readyz", Ignored)
        .with_problems(&[&[Stopping]])
        .api(operation!(api::readyz)),
    Route::get("/node", Required)
        .with_problems(&[&[Forbidden]])
        .api(operation!(api::list_nodes)),
    Route::get("/admin", RequiredOrSignInPage).console(|| handler(console::dashboard)),
    Route::get("/admin/settings", RequiredOrSignInPage).console(|| handler(console::settings_page)),
    Route::get("/admin/health", RequiredOrSignInPage).console(|| handler(console::health)),
];
