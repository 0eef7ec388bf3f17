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
        .api(operation!(api::sign_in))
        .with_page(|| handler(pages::sign_in)),
    Route::post("/auth/factor", Ignored)
        .with_limit(SignIn)
        .with_problems(&[&[InvalidCode, ChallengeExpired, DeletionPending]])
        .api(operation!(api::answer_challenge)),
    Route::get("/auth/factor", Ignored)
        .with_problems(&[&[NotFound]])
        .documented_page(operation!(pages::former_code_page)),
    Route::get("/sign-in", InvalidIgnored).page(|| handler(pages::sign_in_page)),
    Route::post("/sign-in", Ignored)
        .with_limit(SignIn)
        .page(|| handler(pages::sign_in)),
    Route::get("/login", Ignored).page(|| redirect_to("/sign-in")),
    Route::get("/sign-in/factor", InvalidIgnored).page(|| handler(pages::code_page)),
    Route::post("/sign-in/factor", Ignored)
        .with_limit(SignIn)
        .page(|| handler(pages::answer_challenge)),
];
