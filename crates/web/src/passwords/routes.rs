//! The routes of the password change.

use axum::routing::{get, post};
use doorward_domain::limits::ThrottleScope::SignIn;
use utoipa_axum::routes;

use super::{api, pages};
use crate::http::problem::Code::{
    AccountDisabled, EmailUnconfirmed, NotFound, Overloaded, PreconditionFailed, UnknownAccount,
};
use crate::http::route::Authentication::{Ignored, InvalidRejected, RequiredOrSignInPage};
use crate::http::route::{REAUTHENTICATION, Route};
use crate::route_handler::RouteHandler;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::put("/password", InvalidRejected)
        .with_limit(SignIn)
        .with_problems(&[
            REAUTHENTICATION,
            &[UnknownAccount, EmailUnconfirmed, AccountDisabled],
            &[PreconditionFailed, Overloaded],
        ])
        .api(|| routes!(api::change_password)),
    Route::get("/password", Ignored)
        .with_problems(&[&[NotFound]])
        .documented_page(|| routes!(pages::former_password_page)),
    Route::get("/account/password", RequiredOrSignInPage).page(|| get(pages::password_page)),
    Route::post("/account/password", RequiredOrSignInPage)
        .with_limit(SignIn)
        .page(|| post(pages::change_password)),
    Route::get("/.well-known/change-password", Ignored).page(|| get(pages::well_known)),
];
