//! The routes of the recovery.

use super::{api, console, pages};
use crate::html::sent_to::sent_page;
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/recover", InvalidIgnored).page(|| handler(pages::recovery_page)),
    Route::post("/recover", Ignored)
        .with_limit_in_form(MailRequest)
        .page(|| handler(pages::request_recovery)),
    Route::get("/recover/sent", Ignored).page(|| sent_page(pages::SENT_TEMPLATE)),
    Route::get("/recovery", Ignored)
        .with_problems(&[&[NotFound]])
        .documented_page(operation!(pages::former_recovery_page)),
    Route::post("/recovery", Ignored)
        .with_limit_in_form(MailRequest)
        .api(operation!(api::request_recovery))
        .with_page(|| handler(pages::request_recovery)),
    Route::get("/recovery/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(operation!(api::view_recovery))
        .with_page(|| handler(pages::view_recovery)),
    Route::post("/recovery/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK, &[Overloaded]])
        .api(operation!(api::recover))
        .with_page(|| handler(pages::recover)),
    Route::get("/admin/users/{user}/recovery", RequiredOrSignInPage)
        .console(|| handler(console::confirm)),
    Route::post("/admin/users/{user}/recovery", RequiredOrSignInPage)
        .with_limit(MailRequest)
        .console(|| handler(console::send)),
];
