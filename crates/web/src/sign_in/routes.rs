//! The routes of the sign-in, in one or two steps.

use super::{api, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::post("/auth", Ignored)
        .with_limit(SignIn)
        .with_problems(&[
            &[InvalidCredentials, WrongPassword, UnknownAccount],
            &[EmailUnconfirmed, AccountDisabled, DeletionPending],
            &[Overloaded],
        ])
        .api(|| routes!(api::sign_in))
        .with_page(|| post(pages::sign_in)),
    Route::post("/auth/factor", Ignored)
        .with_limit(SignIn)
        .with_problems(&[&[InvalidCode, ChallengeExpired, DeletionPending]])
        .api(|| routes!(api::answer_challenge)),
    Route::get("/auth/factor", Ignored)
        .with_problems(&[&[NotFound]])
        .documented_page(|| routes!(pages::former_code_page)),
    Route::get("/sign-in", InvalidIgnored).page(|| get(pages::sign_in_page)),
    Route::post("/sign-in", Ignored)
        .with_limit(SignIn)
        .page(|| post(pages::sign_in)),
    Route::get("/login", Ignored).page(|| redirect_to("/sign-in")),
    Route::get("/sign-in/factor", InvalidIgnored).page(|| get(pages::code_page)),
    Route::post("/sign-in/factor", Ignored)
        .with_limit(SignIn)
        .page(|| post(pages::answer_challenge)),
];
