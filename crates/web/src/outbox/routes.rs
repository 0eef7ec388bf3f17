//! The routes of the outbox.

use super::{api, console};
use crate::http::problem::Code;
use crate::http::route::PASSWORD_CHECK;
use crate::route_handler::prelude::*;

/// Problems of a mail in the path.
const MAIL: &[Code] = &[Forbidden, NotFound];

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/outbox", Required)
        .with_problems(&[&[Forbidden], QUERY])
        .api(|| routes!(api::list_mails)),
    Route::get("/outbox/{id}", Required)
        .with_problems(&[MAIL])
        .api(|| routes!(api::view_mail)),
    Route::delete("/outbox/{id}", Required)
        .with_problems(&[REAUTHENTICATION, MAIL, PASSWORD_CHECK])
        .api(|| routes!(api::delete_mail)),
    Route::post("/outbox/{id}/retry", Required)
        .with_problems(&[MAIL])
        .api(|| routes!(api::retry_mail)),
    Route::post("/outbox/test", Required)
        .with_limit(Token)
        .with_problems(&[&[Forbidden, ValidationFailed, Overloaded]])
        .api(|| routes!(api::send_test_mail)),
    Route::get("/admin/outbox", RequiredOrSignInPage).console(|| get(console::list_page)),
    Route::post("/admin/outbox/test", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| post(console::send_test_mail)),
    Route::get("/admin/outbox/{id}", RequiredOrSignInPage).console(|| get(console::mail_page)),
    Route::post("/admin/outbox/{id}/retry", RequiredOrSignInPage).console(|| post(console::retry)),
    Route::get("/admin/outbox/{id}/delete", RequiredOrSignInPage)
        .console(|| get(console::confirm_deletion)),
    Route::post("/admin/outbox/{id}/delete", RequiredOrSignInPage)
        .console(|| post(console::delete)),
];
