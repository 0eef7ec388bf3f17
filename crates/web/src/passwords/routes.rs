//! The routes of the password change.

use super::{api, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::put("/password", InvalidRejected)
        .with_limit(SignIn)
        .with_problems(&[
            REAUTHENTICATION,
            &[UnknownAccount, EmailUnconfirmed, AccountDisabled],
            &[PreconditionFailed, Overloaded],
        ])
        .api(operation!(api::change_password)),
    Route::get("/password", Ignored)
        .with_problems(&[&[NotFound]])
        .documented_page(operation!(pages::former_password_page)),
    Route::get("/account/password", RequiredOrSignInPage).page(|| handler(pages::password_page)),
    Route::post("/account/password", RequiredOrSignInPage)
        .with_limit(SignIn)
        .page(|| handler(pages::change_password)),
    Route::get("/.well-known/change-password", Ignored).page(|| handler(pages::well_known)),
];
