//! The routes of email addresses: confirmation, change, and the link that undoes a change.

use super::{api, change_pages, console, pages};
use crate::route_handler::prelude::*;
use crate::sign_up;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::put("/user/{user}/email", Required)
        .with_limit(SignIn)
        .with_problems(&[
            REAUTHENTICATION,
            &[Forbidden, AccountDisabled, NotFound, EmailTaken],
            &[PreconditionFailed, Overloaded],
        ])
        .api(operation!(api::change_email)),
    Route::delete("/user/{user}/email/pending", Required)
        .with_problems(&[USER, &[PreconditionFailed]])
        .api(operation!(api::cancel_email_change)),
    Route::get("/account/email", RequiredOrSignInPage).page(|| handler(change_pages::email_page)),
    Route::post("/account/email", RequiredOrSignInPage)
        .with_limit(SignIn)
        .page(|| handler(change_pages::change)),
    Route::post("/account/email/send-again", RequiredOrSignInPage)
        .with_limit(MailRequest)
        .page(|| handler(change_pages::send_again)),
    Route::post("/account/email/cancel", RequiredOrSignInPage)
        .page(|| handler(change_pages::cancel)),
    Route::get("/confirmation", Ignored)
        .with_problems(&[&[NotFound]])
        .documented_page(operation!(pages::former_confirmation_page)),
    Route::post("/confirmation", Ignored)
        .with_limit_in_form(MailRequest)
        .api(operation!(api::request_confirmation))
        .with_page(|| handler(sign_up::pages::send_again)),
    Route::get("/confirmation/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(operation!(api::view_confirmation))
        .with_page(|| handler(pages::view_confirmation)),
    Route::post("/confirmation/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[&[InvalidCredentials, WrongPassword], LINK, &[Overloaded]])
        .api(operation!(api::confirm))
        .with_page(|| handler(pages::confirm)),
    Route::delete("/confirmation/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(operation!(api::cancel_confirmation)),
    Route::post("/confirmation/{token}/cancel", Ignored)
        .with_limit(Link)
        .page(|| handler(pages::cancel)),
    Route::get("/email-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(operation!(api::view_email_undo))
        .with_page(|| handler(pages::view_email_undo)),
    Route::post("/email-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK, &[Overloaded]])
        .api(operation!(api::undo_email_change))
        .with_page(|| handler(pages::undo_email_change)),
    Route::get("/admin/users/{user}/confirmation", RequiredOrSignInPage)
        .console(|| handler(console::confirm)),
    Route::post("/admin/users/{user}/confirmation", RequiredOrSignInPage)
        .with_limit(MailRequest)
        .console(|| handler(console::send)),
    Route::get(
        "/admin/users/{user}/cancel-email-change",
        RequiredOrSignInPage,
    )
    .console(|| handler(console::confirm_cancelling)),
    Route::post(
        "/admin/users/{user}/cancel-email-change",
        RequiredOrSignInPage,
    )
    .console(|| handler(console::cancel)),
    Route::get("/admin/users/{user}/email", RequiredOrSignInPage)
        .console(|| handler(console::change_page)),
    Route::post("/admin/users/{user}/email", RequiredOrSignInPage)
        .with_limit(SignIn)
        .console(|| handler(console::change)),
];
