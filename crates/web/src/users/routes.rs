//! The routes of users: one's own account, and what admins do with other accounts.

use super::{
    activity, activity_pages, admin, api, console, console_acts, console_profile, data_pages,
    pages, profile_pages,
};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/user", Required)
        .with_problems(&[&[Forbidden], QUERY])
        .api(operation!(admin::list_users)),
    Route::get("/user/{user}", Required)
        .with_problems(&[USER])
        .api(operation!(api::show_user)),
    Route::put("/user/{user}", Required)
        .with_limit(Profile)
        .with_problems(&[USER, &[PreconditionFailed]])
        .api(operation!(api::replace_user)),
    Route::patch("/user/{user}", Required)
        .with_limit(Profile)
        .with_problems(&[USER, &[PreconditionFailed]])
        .api(operation!(api::patch_user)),
    Route::delete("/user/{user}", Required)
        .with_problems(ADMINISTRATION)
        .api(operation!(api::delete_user)),
    Route::get("/user/{user}/activity", Required)
        .with_problems(&[USER, QUERY])
        .api(operation!(activity::list_activity)),
    Route::get("/user/{user}/export", Required)
        .with_limit(Token)
        .with_problems(&[USER])
        .api(operation!(api::export_user)),
    Route::put("/user/{user}/role", Required)
        .with_problems(ADMINISTRATION)
        .api(operation!(admin::change_role)),
    Route::put("/user/{user}/status", Required)
        .with_problems(ADMINISTRATION)
        .api(operation!(admin::change_status)),
    Route::get("/account", RequiredOrSignInPage).page(|| handler(pages::account_page)),
    Route::get("/account/profile", RequiredOrSignInPage)
        .page(|| handler(profile_pages::profile_page)),
    Route::post("/account/profile", RequiredOrSignInPage)
        .with_limit(Profile)
        .page(|| handler(profile_pages::save)),
    Route::get("/profile", Ignored).page(|| redirect_to("/account/profile")),
    Route::get("/settings", Ignored).page(|| redirect_to("/account")),
    Route::get("/account/activity", RequiredOrSignInPage)
        .page(|| handler(activity_pages::activity_page)),
    Route::get("/account/data", RequiredOrSignInPage).page(|| handler(data_pages::data_page)),
    Route::get("/admin/users", RequiredOrSignInPage).console(|| handler(console::list_page)),
    Route::get("/admin/users/{user}", RequiredOrSignInPage).console(|| handler(console::user_page)),
    Route::get("/admin/users/{user}/role", RequiredOrSignInPage)
        .console(|| handler(console_acts::confirm_role)),
    Route::post("/admin/users/{user}/role", RequiredOrSignInPage)
        .console(|| handler(console_acts::change_role)),
    Route::get("/admin/users/{user}/status", RequiredOrSignInPage)
        .console(|| handler(console_acts::confirm_status)),
    Route::post("/admin/users/{user}/status", RequiredOrSignInPage)
        .console(|| handler(console_acts::change_status)),
    Route::get("/admin/users/{user}/profile", RequiredOrSignInPage)
        .console(|| handler(console_profile::profile_page)),
    Route::post("/admin/users/{user}/profile", RequiredOrSignInPage)
        .with_limit(Profile)
        .console(|| handler(console_profile::save)),
];
