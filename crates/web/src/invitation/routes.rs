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
        .api(|| routes!(api::invite)),
    Route::get("/invitation", Required)
        .with_problems(&[&[Forbidden], QUERY])
        .api(|| routes!(api::list_invitations)),
    Route::post("/user/{user}/invitation", Required)
        .with_limit(Token)
        .with_problems(&[REAUTHENTICATION, USER, &[Overloaded]])
        .api(|| routes!(api::resend_invitation)),
    Route::delete("/user/{user}/invitation", Required)
        .with_problems(&[USER])
        .api(|| routes!(api::revoke_invitation)),
    Route::get("/invitation/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK])
        .api(|| routes!(api::view_invitation))
        .with_page(|| get(pages::view_invitation)),
    Route::post("/invitation/{token}", Ignored)
        .with_limit(Link)
        .with_problems(&[LINK, &[Overloaded]])
        .api(|| routes!(api::accept_invitation))
        .with_page(|| post(pages::accept)),
    Route::get("/admin/invitations", RequiredOrSignInPage).console(|| get(console::list_page)),
    Route::get("/admin/users/new", RequiredOrSignInPage).console(|| get(console::invite_page)),
    Route::post("/admin/users/new", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| post(console::invite)),
    Route::get("/admin/invitations/new", RequiredOrSignInPage)
        .console(|| get(console_several::invite_page)),
    Route::post("/admin/invitations/new", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| post(console_several::invite)),
    Route::get("/admin/users/{user}/invitation", RequiredOrSignInPage)
        .console(|| get(console::confirm_resending)),
    Route::post("/admin/users/{user}/invitation", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| post(console::resend)),
    Route::get(
        "/admin/users/{user}/revoke-invitation",
        RequiredOrSignInPage,
    )
    .console(|| get(console::confirm_revoking)),
    Route::post(
        "/admin/users/{user}/revoke-invitation",
        RequiredOrSignInPage,
    )
    .console(|| post(console::revoke)),
];
