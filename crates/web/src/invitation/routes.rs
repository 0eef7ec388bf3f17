//! The routes of invitations.

use super::{api, console, console_several, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::post("/invitation", Required)
        .with_limit(Token)
        .with_problems(&[
            REAUTHENTICATION,
            &[Forbidden, UsernameTaken, EmailTaken, Overloaded],
        ])
        .api(operation!(api::invite)),
    Route::get("/invitation", Required)
        .with_problems(&[&[Forbidden], QUERY])
        .api(operation!(api::list_invitations)),
    Route::post("/user/{user}/invitation", Required)
        .with_limit(Token)
        .with_problems(&[REAUTHENTICATION, USER, &[Overloaded]])
        .api(operation!(api::resend_invitation)),
    Route::delete("/user/{user}/invitation", Required)
        .with_problems(&[USER])
        .api(operation!(api::revoke_invitation)),
    Route::get("/invitation/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(operation!(api::view_invitation))
        .with_page(|| handler(pages::view_invitation)),
    Route::post("/invitation/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK, &[Overloaded]])
        .api(operation!(api::accept_invitation))
        .with_page(|| handler(pages::accept)),
    Route::get("/admin/invitations", RequiredOrSignInPage).console(|| handler(console::list_page)),
    Route::get("/admin/users/new", RequiredOrSignInPage).console(|| handler(console::invite_page)),
    Route::post("/admin/users/new", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| handler(console::invite)),
    Route::get("/admin/invitations/new", RequiredOrSignInPage)
        .console(|| handler(console_several::invite_page)),
    Route::post("/admin/invitations/new", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| handler(console_several::invite)),
    Route::get("/admin/users/{user}/invitation", RequiredOrSignInPage)
        .console(|| handler(console::confirm_resending)),
    Route::post("/admin/users/{user}/invitation", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| handler(console::resend)),
    Route::get(
        "/admin/users/{user}/revoke-invitation",
        RequiredOrSignInPage,
    )
    .console(|| handler(console::confirm_revoking)),
    Route::post(
        "/admin/users/{user}/revoke-invitation",
        RequiredOrSignInPage,
    )
    .console(|| handler(console::revoke)),
];
