//! The routes of the start page, of the language of pages, and of the files that pages load.

use super::{api, pages};
use crate::html::assets;
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/", InvalidIgnored)
        .api(operation!(api::home))
        .with_page(|| handler(pages::start_page)),
    Route::post("/account/language", InvalidIgnored).page(|| handler(pages::choose_language)),
    Route::get("/assets/{file}", Ignored).page(|| handler(assets::asset)),
    Route::get("/robots.txt", Ignored).page(|| handler(pages::robots)),
    Route::get("/favicon.ico", Ignored).page(|| handler(pages::favicon)),
];
