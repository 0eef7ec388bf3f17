//! The route of the public keys.

use utoipa_axum::routes;

use super::api;
use crate::http::route::Authentication::Ignored;
use crate::http::route::Route;
use crate::route_handler::RouteHandler;

pub(crate) const ROUTES: &[RouteHandler] =
    &[Route::get("/.well-known/jwks.json", Ignored).api(|| routes!(api::jwks))];
