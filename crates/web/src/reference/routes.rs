//! The routes of documents for developers.

use super::{api, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/openapi.json", Ignored).api(|| routes!(api::openapi_json)),
    Route::get("/docs", Ignored).page(|| get(pages::docs)),
    Route::get("/problems", Ignored).page(|| get(pages::problems)),
    Route::get("/problems/{code}", Ignored).page(|| get(pages::problem)),
];
