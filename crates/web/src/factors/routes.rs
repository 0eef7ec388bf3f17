//! The routes of second factors. Sign-in with one is in `sign_in`.

use super::{account_pages, api, console, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/user/{user}/factor", RequiredOrEnrolling)
        .with_problems(&[USER])
        .api(operation!(api::list_factors)),
    Route::post("/user/{user}/factor", RequiredOrEnrolling)
        .with_limit(Token)
        .with_problems(&[REAUTHENTICATION, USER, &[ChallengeExpired]])
        .api(operation!(api::begin_enrolment)),
    Route::post("/user/{user}/factor/{id}", RequiredOrEnrolling)
        .with_limit(Token)
        .with_problems(&[
            &[InvalidCode, ReauthenticationRequired],
            USER,
            &[ChallengeExpired],
        ])
        .api(operation!(api::finish_enrolment)),
    Route::delete("/user/{user}/factor/{id}", Required)
        .with_limit(Token)
        .with_problems(&[REAUTHENTICATION, USER])
        .api(operation!(api::remove_factor)),
    Route::post("/user/{user}/recovery-codes", Required)
        .with_limit(Token)
        .with_problems(&[REAUTHENTICATION, USER])
        .api(operation!(api::renew_recovery_codes)),
    Route::get("/account/factors", RequiredOrSignInPage)
        .page(|| handler(account_pages::factors_page)),
    Route::post("/account/factors", RequiredOrSignInPage)
        .with_limit(Token)
        .page(|| handler(account_pages::add)),
    Route::post("/account/factors/{id}", RequiredOrSignInPage)
        .with_limit(Token)
        .page(|| handler(account_pages::finish_adding)),
    Route::get("/account/factors/{id}/remove", RequiredOrSignInPage)
        .page(|| handler(account_pages::confirm_removal)),
    Route::post("/account/factors/{id}/remove", RequiredOrSignInPage)
        .with_limit(Token)
        .page(|| handler(account_pages::remove)),
    Route::get("/account/factors/recovery-codes", RequiredOrSignInPage)
        .page(|| handler(account_pages::confirm_renewal)),
    Route::post("/account/factors/recovery-codes", RequiredOrSignInPage)
        .with_limit(Token)
        .page(|| handler(account_pages::renew_codes)),
    Route::get("/auth/factors", Ignored).page(|| redirect_to("/account/factors")),
    Route::get("/sign-in/enrol", Ignored).page(|| handler(pages::required_page)),
    Route::post("/sign-in/enrol", Ignored)
        .with_limit(Token)
        .page(|| handler(pages::begin_required)),
    Route::post("/sign-in/enrol/{id}", Ignored)
        .with_limit(Token)
        .page(|| handler(pages::finish_required)),
    Route::get("/auth/enrol", Ignored).page(|| redirect_to("/sign-in/enrol")),
    Route::get("/factor-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(operation!(api::view_factor_undo))
        .with_page(|| handler(pages::view_factor_undo)),
    Route::post("/factor-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK, &[Overloaded]])
        .api(operation!(api::undo_factors))
        .with_page(|| handler(pages::undo_factors)),
    Route::get("/admin/users/{user}/factors/{id}", RequiredOrSignInPage)
        .console(|| handler(console::confirm_removal)),
    Route::post("/admin/users/{user}/factors/{id}", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| handler(console::remove)),
];
