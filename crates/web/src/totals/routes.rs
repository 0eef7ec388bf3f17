//! The route of the totals.

use super::api;
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[Route::get("/totals", Required)
    .with_problems(&[&[Forbidden], QUERY])
    .api(operation!(api::list_totals))];
