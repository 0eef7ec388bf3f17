//! The routes of the sign-up.

use super::{api, pages};
use crate::html::sent_to::sent_page;
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::post("/user", Ignored)
        .with_limit_in_form(SignUp)
        .with_problems(&[
            &[SignUpClosed, InvitationRequired],
            &[UsernameTaken, EmailTaken, Overloaded],
        ])
        .api(operation!(api::create_user))
        .with_page(|| handler(pages::sign_up)),
    Route::get("/sign-up", InvalidIgnored).page(|| handler(pages::sign_up_page)),
    Route::post("/sign-up", Ignored)
        .with_limit_in_form(SignUp)
        .page(|| handler(pages::sign_up)),
    Route::get("/signup", Ignored).page(|| redirect_to("/sign-up")),
    Route::get("/register", Ignored).page(|| redirect_to("/sign-up")),
    Route::get("/sign-up/sent", Ignored).page(|| sent_page(pages::SENT_TEMPLATE)),
    Route::post("/sign-up/sent", Ignored)
        .with_limit_in_form(MailRequest)
        .page(|| handler(pages::send_again)),
];
