//! The routes of sessions.

use super::{api, console, devices_pages, pages};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/auth", RequiredOrSignInPage)
        .api(|| routes!(api::current_session))
        .with_page(|| redirect_to("/sign-in")),
    Route::delete("/auth", Required).api(|| routes!(api::sign_out)),
    Route::post("/auth/sign-out", RequiredOrSignInPage).page(|| post(pages::sign_out)),
    Route::post("/auth/renewal", Required)
        .with_limit(Token)
        .api(|| routes!(api::renew)),
    Route::post("/auth/token", Required)
        .with_limit(Token)
        .api(|| routes!(api::audience_token)),
    Route::get("/auth/check", RequiredOrSignInPage)
        .api(|| routes!(api::check))
        .with_page(|| get(pages::check)),
    Route::get("/user/{user}/session", Required)
        .with_problems(&[USER, QUERY])
        .api(|| routes!(api::list_sessions)),
    Route::delete("/user/{user}/session", Required)
        .with_problems(&[USER])
        .api(|| routes!(api::revoke_sessions)),
    Route::delete("/user/{user}/session/{id}", Required)
        .with_problems(&[USER])
        .api(|| routes!(api::revoke_session)),
    Route::get("/account/devices", RequiredOrSignInPage).page(|| get(devices_pages::devices_page)),
    Route::post("/account/devices/{id}/sign-out", RequiredOrSignInPage)
        .page(|| post(devices_pages::sign_out_one)),
    Route::get("/account/devices/sign-out-others", RequiredOrSignInPage)
        .page(|| get(devices_pages::confirm_sign_out_others)),
    Route::post("/account/devices/sign-out-others", RequiredOrSignInPage)
        .page(|| post(devices_pages::sign_out_others)),
    Route::get("/admin/users/{user}/sessions", RequiredOrSignInPage)
        .console(|| get(console::confirm_end_all)),
    Route::post("/admin/users/{user}/sessions", RequiredOrSignInPage)
        .console(|| post(console::end_all)),
    Route::get("/admin/users/{user}/sessions/{id}", RequiredOrSignInPage)
        .console(|| get(console::confirm_end_one)),
    Route::post("/admin/users/{user}/sessions/{id}", RequiredOrSignInPage)
        .console(|| post(console::end_one)),
];
