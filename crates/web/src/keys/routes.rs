//! The route of the public keys.

use super::api;
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] =
    &[Route::get("/.well-known/jwks.json", Ignored).api(|| routes!(api::jwks))];
