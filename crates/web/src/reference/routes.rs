//! The routes of documents for developers.

use super::{api, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/openapi.json", Ignored).api(operation!(api::openapi_json)),
    Route::get("/docs", Ignored).page(|| handler(pages::docs)),
    Route::get("/problems", Ignored).page(|| handler(pages::problems)),
    Route::get("/problems/{code}", Ignored).page(|| handler(pages::problem)),
];
