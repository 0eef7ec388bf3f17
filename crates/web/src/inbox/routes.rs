//! The routes of the built-in inbox.

use axum::routing::get;
use utoipa_axum::routes;

use super::{api, pages};
use crate::http::problem::Code::{NotFound, ValidationFailed};
use crate::http::route::Authentication::Ignored;
use crate::http::route::Route;
use crate::route_handler::RouteHandler;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/inbox.json", Ignored)
        .with_problems(&[&[NotFound, ValidationFailed]])
        .api(|| routes!(api::list_inbox)),
    Route::get("/inbox", Ignored).page(|| get(pages::inbox)),
];
