//! The routes of sessions.

use super::{api, console, devices_pages, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/auth", RequiredOrSignInPage)
        .api(operation!(api::current_session))
        .with_page(|| redirect_to("/sign-in")),
    Route::delete("/auth", Required).api(operation!(api::sign_out)),
    Route::post("/auth/sign-out", RequiredOrSignInPage).page(|| handler(pages::sign_out)),
    Route::post("/auth/renewal", Required)
        .with_limit(Token)
        .api(operation!(api::renew)),
    Route::post("/auth/token", Required)
        .with_limit(Token)
        .api(operation!(api::audience_token)),
    Route::get("/auth/check", RequiredOrSignInPage)
        .api(operation!(api::check))
        .with_page(|| handler(pages::check)),
    Route::get("/user/{user}/session", Required)
        .with_problems(&[USER, QUERY])
        .api(operation!(api::list_sessions)),
    Route::delete("/user/{user}/session", Required)
        .with_problems(&[USER])
        .api(operation!(api::revoke_sessions)),
    Route::delete("/user/{user}/session/{id}", Required)
        .with_problems(&[USER])
        .api(operation!(api::revoke_session)),
    Route::get("/account/devices", RequiredOrSignInPage)
        .page(|| handler(devices_pages::devices_page)),
    Route::post("/account/devices/{id}/sign-out", RequiredOrSignInPage)
        .page(|| handler(devices_pages::sign_out_one)),
    Route::get("/account/devices/sign-out-others", RequiredOrSignInPage)
        .page(|| handler(devices_pages::confirm_sign_out_others)),
    Route::post("/account/devices/sign-out-others", RequiredOrSignInPage)
        .page(|| handler(devices_pages::sign_out_others)),
    Route::get("/admin/users/{user}/sessions", RequiredOrSignInPage)
        .console(|| handler(console::confirm_end_all)),
    Route::post("/admin/users/{user}/sessions", RequiredOrSignInPage)
        .console(|| handler(console::end_all)),
    Route::get("/admin/users/{user}/sessions/{id}", RequiredOrSignInPage)
        .console(|| handler(console::confirm_end_one)),
    Route::post("/admin/users/{user}/sessions/{id}", RequiredOrSignInPage)
        .console(|| handler(console::end_one)),
];
