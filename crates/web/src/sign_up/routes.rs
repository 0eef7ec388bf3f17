//! The route of the sign-up.

use axum::routing::post;
use doorward_domain::limits::ThrottleScope::SignUp;
use utoipa_axum::routes;

use super::{api, pages};
use crate::http::problem::Code::{EmailTaken, Overloaded, UsernameTaken};
use crate::http::route::Authentication::Ignored;
use crate::http::route::Route;
use crate::route_handler::RouteHandler;

pub(crate) const ROUTES: &[RouteHandler] = &[Route::post("/user", Ignored)
    .with_limit(SignUp)
    .with_problems(&[&[UsernameTaken, EmailTaken, Overloaded]])
    .api(|| routes!(api::create_user))
    .with_page(|| post(pages::create_user))];
