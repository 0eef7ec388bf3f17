//! The route of the public keys, and the page of the console about the signing keys.

use super::{api, console};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/.well-known/jwks.json", Ignored).api(|| routes!(api::jwks)),
    Route::get("/admin/keys", RequiredOrSignInPage).console(|| get(console::keys)),
];
