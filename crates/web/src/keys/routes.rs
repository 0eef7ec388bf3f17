//! The routes of the signing keys.

use super::{api, console};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/.well-known/jwks.json", Ignored).api(|| routes!(api::jwks)),
    Route::get("/signing-key", Required)
        .with_problems(&[&[Forbidden]])
        .api(|| routes!(api::list_keys)),
    Route::post("/signing-key", Required)
        .with_limit(Token)
        .with_problems(&[REAUTHENTICATION, &[Forbidden, Overloaded]])
        .api(|| routes!(api::rotate_keys)),
    Route::get("/admin/keys", RequiredOrSignInPage).console(|| get(console::keys)),
    Route::get("/admin/keys/rotate", RequiredOrSignInPage)
        .console(|| get(console::confirm_rotation)),
    Route::post("/admin/keys/rotate", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| post(console::rotate)),
];
