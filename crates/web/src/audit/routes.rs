//! The route of the audit log.

use super::api;
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[Route::get("/audit", Required)
    .with_problems(&[&[Forbidden], QUERY])
    .api(|| routes!(api::list_audit_events))];
