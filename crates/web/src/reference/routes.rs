//! The routes of documents for developers.

use axum::routing::get;
use utoipa_axum::routes;

use super::{api, pages};
use crate::http::route::Authentication::Ignored;
use crate::http::route::Route;
use crate::route_handler::RouteHandler;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/openapi.json", Ignored).api(|| routes!(api::openapi_json)),
    Route::get("/docs", Ignored).page(|| get(pages::docs)),
    Route::get("/problems", Ignored).page(|| get(pages::problems)),
    Route::get("/problems/{code}", Ignored).page(|| get(pages::problem)),
];
