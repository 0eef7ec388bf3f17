//! The routes of the built-in inbox.

use super::{api, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/inbox.json", Ignored)
        .with_problems(&[&[NotFound, ValidationFailed]])
        .api(operation!(api::list_inbox)),
    Route::get("/inbox", Ignored).page(|| handler(pages::inbox)),
    Route::post("/inbox/clear", Ignored).page(|| handler(pages::clear)),
    Route::get("/inbox/{id}", Ignored).page(|| handler(pages::mail)),
    Route::get("/inbox/{id}/html", Ignored).page(|| handler(pages::html_part)),
];
