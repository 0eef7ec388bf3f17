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
        .api(|| routes!(api::change_email)),
    Route::delete("/user/{user}/email/pending", Required)
        .with_problems(&[USER, &[PreconditionFailed]])
        .api(|| routes!(api::cancel_email_change)),
    Route::get("/account/email", RequiredOrSignInPage).page(|| get(change_pages::email_page)),
    Route::post("/account/email", RequiredOrSignInPage)
        .with_limit(SignIn)
        .page(|| post(change_pages::change)),
    Route::post("/account/email/send-again", RequiredOrSignInPage)
        .with_limit(MailRequest)
        .page(|| post(change_pages::send_again)),
    Route::post("/account/email/cancel", RequiredOrSignInPage).page(|| post(change_pages::cancel)),
    Route::get("/confirmation", Ignored)
        .with_problems(&[&[NotFound]])
        .documented_page(|| routes!(pages::former_confirmation_page)),
    Route::post("/confirmation", Ignored)
        .with_limit_in_form(MailRequest)
        .api(|| routes!(api::request_confirmation))
        .with_page(|| post(sign_up::pages::send_again)),
    Route::get("/confirmation/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(|| routes!(api::view_confirmation))
        .with_page(|| get(pages::view_confirmation)),
    Route::post("/confirmation/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[&[InvalidCredentials, WrongPassword], LINK, &[Overloaded]])
        .api(|| routes!(api::confirm))
        .with_page(|| post(pages::confirm)),
    Route::delete("/confirmation/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(|| routes!(api::cancel_confirmation)),
    Route::post("/confirmation/{token}/cancel", Ignored)
        .with_limit(Link)
        .page(|| post(pages::cancel)),
    Route::get("/email-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(|| routes!(api::view_email_undo))
        .with_page(|| get(pages::view_email_undo)),
    Route::post("/email-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK, &[Overloaded]])
        .api(|| routes!(api::undo_email_change))
        .with_page(|| post(pages::undo_email_change)),
    Route::get("/admin/users/{user}/confirmation", RequiredOrSignInPage)
        .console(|| get(console::confirm)),
    Route::post("/admin/users/{user}/confirmation", RequiredOrSignInPage)
        .with_limit(MailRequest)
        .console(|| post(console::send)),
    Route::get(
        "/admin/users/{user}/cancel-email-change",
        RequiredOrSignInPage,
    )
    .console(|| get(console::confirm_cancelling)),
    Route::post(
        "/admin/users/{user}/cancel-email-change",
        RequiredOrSignInPage,
    )
    .console(|| post(console::cancel)),
    Route::get("/admin/users/{user}/email", RequiredOrSignInPage)
        .console(|| get(console::change_page)),
    Route::post("/admin/users/{user}/email", RequiredOrSignInPage)
        .with_limit(SignIn)
        .console(|| post(console::change)),
];
