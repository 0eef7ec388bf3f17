//! The routes of a deletion after some days.

use super::console::Step;
use super::{api, console, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::put("/user/{user}/deletion", Required)
        .with_problems(ADMINISTRATION)
        .api(operation!(api::request_deletion)),
    Route::delete("/user/{user}/deletion", InvalidRejected)
        .with_limit(SignIn)
        .with_problems(&[
            REAUTHENTICATION,
            USER,
            &[UnknownAccount, EmailUnconfirmed, AccountDisabled],
            &[PreconditionFailed, Overloaded],
        ])
        .api(operation!(api::cancel_deletion)),
    Route::get("/deletion-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(operation!(api::view_deletion_undo))
        .with_page(|| handler(pages::view_deletion_undo)),
    Route::post("/deletion-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK, &[Overloaded]])
        .api(operation!(api::undo_deletion))
        .with_page(|| handler(pages::undo_deletion)),
    Route::get("/account/delete", RequiredOrSignInPage).page(|| handler(pages::delete_page)),
    Route::post("/account/delete", RequiredOrSignInPage)
        .with_limit(SignIn)
        .page(|| handler(pages::delete)),
    Route::get("/sign-in/keep-account", Ignored).page(|| handler(pages::reloaded_form)),
    Route::post("/sign-in/keep-account", Ignored)
        .with_limit(SignIn)
        .page(|| handler(pages::keep_account)),
    Route::get("/admin/users/{user}/delete", RequiredOrSignInPage)
        .console(|| console::confirm(Step::Request)),
    Route::post("/admin/users/{user}/delete", RequiredOrSignInPage)
        .console(|| console::respond(Step::Request)),
    Route::get("/admin/users/{user}/delete-now", RequiredOrSignInPage)
        .console(|| console::confirm(Step::Delete)),
    Route::post("/admin/users/{user}/delete-now", RequiredOrSignInPage)
        .console(|| console::respond(Step::Delete)),
    Route::get("/admin/users/{user}/keep", RequiredOrSignInPage)
        .console(|| console::confirm(Step::Keep)),
    Route::post("/admin/users/{user}/keep", RequiredOrSignInPage)
        .with_limit(SignIn)
        .console(|| console::respond(Step::Keep)),
];
