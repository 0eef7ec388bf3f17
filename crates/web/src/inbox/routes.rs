//! The routes of the built-in inbox.

use super::{api, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/inbox.json", Ignored)
        .with_problems(&[&[NotFound, ValidationFailed]])
        .api(|| routes!(api::list_inbox)),
    Route::get("/inbox", Ignored).page(|| get(pages::inbox)),
    Route::post("/inbox/clear", Ignored).page(|| post(pages::clear)),
    Route::get("/inbox/{id}", Ignored).page(|| get(pages::mail)),
    Route::get("/inbox/{id}/html", Ignored).page(|| get(pages::html_part)),
];
