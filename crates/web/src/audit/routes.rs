//! The routes of the audit log.

use super::{api, console};
use crate::route_handler::prelude::*;

pub(crate) const ROUTES: &[RouteHandler] = &[
    Route::get("/audit", Required)
        .with_problems(&[&[Forbidden], QUERY])
        .api(operation!(api::list_audit_events)),
    Route::get("/audit/export", Required)
        .with_limit(Token)
        .with_problems(&[&[Forbidden], QUERY])
        .api(operation!(api::export_audit_events)),
    Route::get("/audit/status", Required)
        .with_problems(&[&[Forbidden]])
        .api(operation!(api::audit_status)),
    Route::get("/admin/audit", RequiredOrSignInPage).console(|| handler(console::audit_page)),
];
