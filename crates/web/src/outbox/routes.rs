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
        .api(operation!(api::list_mails)),
    Route::get("/outbox/{id}", Required)
        .with_problems(&[MAIL])
        .api(operation!(api::view_mail)),
    Route::delete("/outbox/{id}", Required)
        .with_problems(&[REAUTHENTICATION, MAIL, PASSWORD_CHECK])
        .api(operation!(api::delete_mail)),
    Route::post("/outbox/{id}/retry", Required)
        .with_problems(&[MAIL])
        .api(operation!(api::retry_mail)),
    Route::post("/outbox/test", Required)
        .with_limit(Token)
        .with_problems(&[&[Forbidden, ValidationFailed, Overloaded]])
        .api(operation!(api::send_test_mail)),
    Route::get("/admin/outbox", RequiredOrSignInPage).console(|| handler(console::list_page)),
    Route::post("/admin/outbox/test", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| handler(console::send_test_mail)),
    Route::get("/admin/outbox/{id}", RequiredOrSignInPage).console(|| handler(console::mail_page)),
    Route::post("/admin/outbox/{id}/retry", RequiredOrSignInPage)
        .console(|| handler(console::retry)),
    Route::get("/admin/outbox/{id}/delete", RequiredOrSignInPage)
        .console(|| handler(console::confirm_deletion)),
    Route::post("/admin/outbox/{id}/delete", RequiredOrSignInPage)
        .console(|| handler(console::delete)),
];
