//! The routes of the built-in inbox.

use super::{api, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/inbox.json", Ignored)
        .with_problems(&[&[NotFound, ValidationFailed]])
        .api(|| routes!(api::list_inbox)),
    Route::get("/inbox", Ignored).page(|| get(pages::inbox)),
];
