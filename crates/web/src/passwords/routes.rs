//! The routes of the password change.

use axum::routing::get;
use doorward_domain::limits::ThrottleScope::SignIn;
use utoipa_axum::routes;

use super::{api, pages};
use crate::http::problem::Code::{
    AccountDisabled, EmailUnconfirmed, Overloaded, PreconditionFailed, UnknownAccount,
};
use crate::http::route::Authentication::{Ignored, InvalidIgnored, InvalidRejected};
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
    Route::get("/password", InvalidIgnored).documented_page(|| routes!(pages::password_page)),
    Route::post("/password", InvalidIgnored)
        .with_limit(SignIn)
        .documented_page(|| routes!(pages::password_form)),
    Route::get("/.well-known/change-password", Ignored).page(|| get(pages::well_known)),
];
