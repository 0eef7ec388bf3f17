//! The routes of the recovery.

use super::{api, console, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/recover", InvalidIgnored).page(|| get(pages::recovery_page)),
    Route::post("/recover", Ignored)
        .with_limit_in_form(MailRequest)
        .page(|| post(pages::request_recovery)),
    Route::get("/recover/sent", Ignored).page(|| get(pages::sent_page)),
    Route::get("/recovery", Ignored)
        .with_problems(&[&[NotFound]])
        .documented_page(|| routes!(pages::former_recovery_page)),
    Route::post("/recovery", Ignored)
        .with_limit_in_form(MailRequest)
        .api(|| routes!(api::request_recovery))
        .with_page(|| post(pages::request_recovery)),
    Route::get("/recovery/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(|| routes!(api::view_recovery))
        .with_page(|| get(pages::view_recovery)),
    Route::post("/recovery/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK, &[Overloaded]])
        .api(|| routes!(api::recover))
        .with_page(|| post(pages::recover)),
    Route::get("/admin/users/{user}/recovery", RequiredOrSignInPage)
        .console(|| get(console::confirm)),
    Route::post("/admin/users/{user}/recovery", RequiredOrSignInPage)
        .with_limit(MailRequest)
        .console(|| post(console::send)),
];
