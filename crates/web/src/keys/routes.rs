//! The routes of the signing keys.

use super::{api, console};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/.well-known/jwks.json", Ignored).api(operation!(api::jwks)),
    Route::get("/signing-key", Required)
        .with_problems(&[&[Forbidden]])
        .api(operation!(api::list_keys)),
    Route::post("/signing-key", Required)
        .with_limit(Token)
        .with_problems(&[REAUTHENTICATION, &[Forbidden, Overloaded]])
        .api(operation!(api::rotate_keys)),
    Route::get("/admin/keys", RequiredOrSignInPage).console(|| handler(console::keys)),
    Route::get("/admin/keys/rotate", RequiredOrSignInPage)
        .console(|| handler(console::confirm_rotation)),
    Route::post("/admin/keys/rotate", RequiredOrSignInPage)
        .with_limit(Token)
        .console(|| handler(console::rotate)),
];
