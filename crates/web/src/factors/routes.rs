//! The routes of second factors. Sign-in with one is in `sign_in`.

use super::{account_pages, api, console, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/user/{user}/factor", RequiredOrEnrolling)
        .with_problems(&[USER])
        .api(|| routes!(api::list_factors)),
    Route::post("/user/{user}/factor", RequiredOrEnrolling)
        .with_limit(Token)
        .with_problems(&[REAUTHENTICATION, USER, &[ChallengeExpired]])
        .api(|| routes!(api::begin_enrolment)),
    Route::post("/user/{user}/factor/{id}", RequiredOrEnrolling)
        .with_limit(Token)
        .with_problems(&[
            &[InvalidCode, ReauthenticationRequired],
            USER,
            &[ChallengeExpired],
        ])
        .api(|| routes!(api::finish_enrolment)),
    Route::delete("/user/{user}/factor/{id}", Required)
        .with_limit(Token)
        .with_problems(&[REAUTHENTICATION, USER])
        .api(|| routes!(api::remove_factor)),
    Route::post("/user/{user}/recovery-codes", Required)
        .with_limit(Token)
        .with_problems(&[REAUTHENTICATION, USER])
        .api(|| routes!(api::renew_recovery_codes)),
    Route::get("/account/factors", RequiredOrSignInPage).page(|| get(account_pages::factors_page)),
    Route::post("/account/factors", RequiredOrSignInPage)
        .with_limit(Token)
        .page(|| post(account_pages::add)),
    Route::post("/account/factors/{id}", RequiredOrSignInPage)
        .with_limit(Token)
        .page(|| post(account_pages::finish_adding)),
    Route::get("/account/factors/{id}/remove", RequiredOrSignInPage)
        .page(|| get(account_pages::confirm_removal)),
    Route::post("/account/factors/{id}/remove", RequiredOrSignInPage)
        .with_limit(Token)
        .page(|| post(account_pages::remove)),
    Route::get("/account/factors/recovery-codes", RequiredOrSignInPage)
        .page(|| get(account_pages::confirm_renewal)),
    Route::post("/account/factors/recovery-codes", RequiredOrSignInPage)
        .with_limit(Token)
        .page(|| post(account_pages::renew_codes)),
    Route::get("/auth/factors", Ignored).page(|| redirect_to("/account/factors")),
    Route::get("/sign-in/enrol", Ignored).page(|| get(pages::required_page)),
    Route::post("/sign-in/enrol", Ignored)
        .with_limit(Token)
        .page(|| post(pages::begin_required)),
    Route::post("/sign-in/enrol/{id}", Ignored)
        .with_limit(Token)
        .page(|| post(pages::finish_required)),
    Route::get("/auth/enrol", Ignored).page(|| redirect_to("/sign-in/enrol")),
    Route::get("/factor-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(|| routes!(api::view_factor_undo))
        .with_page(|| get(pages::view_factor_undo)),
    Route::post("/factor-undo/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK, &[Overloaded]])
        .api(|| routes!(api::undo_factors))
        .with_page(|| post(pages::undo_factors)),
    Route::get("/admin/users/{user}/factors/{id}", RequiredOrSignInPage)
        .console(|| get(console::confirm_removal)),
    Route::post("/admin/users/{user}/factors/{id}", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| post(console::remove)),
];
