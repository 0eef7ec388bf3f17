//! The routes of a deletion after some days.

use super::{api, console, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::put("/user/{user}/deletion", Required)
        .with_problems(ADMINISTRATION)
        .api(|| routes!(api::request_deletion)),
    Route::delete("/user/{user}/deletion", InvalidRejected)
        .with_limit(SignIn)
        .with_problems(&[
            REAUTHENTICATION,
            USER,
            &[UnknownAccount, EmailUnconfirmed, AccountDisabled],
            &[PreconditionFailed, Overloaded],
        ])
        .api(|| routes!(api::cancel_deletion)),
    Route::get("/deletion-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(|| routes!(api::view_deletion_undo))
        .with_page(|| get(pages::view_deletion_undo)),
    Route::post("/deletion-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK, &[Overloaded]])
        .api(|| routes!(api::undo_deletion))
        .with_page(|| post(pages::undo_deletion)),
    Route::get("/account/delete", RequiredOrSignInPage).page(|| get(pages::delete_page)),
    Route::post("/account/delete", RequiredOrSignInPage)
        .with_limit(SignIn)
        .page(|| post(pages::delete)),
    Route::get("/sign-in/keep-account", Ignored).page(|| get(pages::reloaded_form)),
    Route::post("/sign-in/keep-account", Ignored)
        .with_limit(SignIn)
        .page(|| post(pages::keep_account)),
    Route::get("/admin/users/{user}/delete", RequiredOrSignInPage)
        .console(|| get(console::confirm_request)),
    Route::post("/admin/users/{user}/delete", RequiredOrSignInPage)
        .console(|| post(console::request)),
    Route::get("/admin/users/{user}/delete-now", RequiredOrSignInPage)
        .console(|| get(console::confirm_delete)),
    Route::post("/admin/users/{user}/delete-now", RequiredOrSignInPage)
        .console(|| post(console::delete)),
    Route::get("/admin/users/{user}/keep", RequiredOrSignInPage)
        .console(|| get(console::confirm_keep)),
    Route::post("/admin/users/{user}/keep", RequiredOrSignInPage)
        .with_limit(SignIn)
        .console(|| post(console::keep)),
];
