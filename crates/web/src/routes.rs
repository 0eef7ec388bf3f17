//! All routes: the rows of the features, joined.
//!
//! The router serves them, the guard enforces their requirements (H-03), and the OpenAPI document takes from them what
//! the attributes of the handlers do not say. Tests compare them with both.

pub use crate::http::route::{Authentication, Route};
use crate::route_handler::RouteHandler;
use crate::{
    audit, deletion, email, factors, home, inbox, invitation, keys, operations, outbox, passwords,
    recovery, reference, sessions, sign_in, sign_up, totals, users,
};

/// The routes of each feature. Within a task, the API reference has this order.
const FEATURES: [&[RouteHandler]; 18] = [
    home::routes::ROUTES,
    sign_up::routes::ROUTES,
    users::routes::ROUTES,
    invitation::routes::ROUTES,
    deletion::routes::ROUTES,
    email::routes::ROUTES,
    passwords::routes::ROUTES,
    recovery::routes::ROUTES,
    sign_in::routes::ROUTES,
    sessions::routes::ROUTES,
    factors::routes::ROUTES,
    audit::routes::ROUTES,
    outbox::routes::ROUTES,
    totals::routes::ROUTES,
    keys::routes::ROUTES,
    operations::routes::ROUTES,
    reference::routes::ROUTES,
    inbox::routes::ROUTES,
];

/// The rows of all routes.
pub fn table() -> impl Iterator<Item = &'static Route> {
    handlers().map(|handler| &handler.route)
}

/// All routes with their handlers.
pub(crate) fn handlers() -> impl Iterator<Item = &'static RouteHandler> {
    FEATURES.into_iter().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The row alone decides which requests the handler gets.
    #[test]
    fn each_documented_handler_is_in_the_row_of_its_method_and_path() {
        for RouteHandler { route, handlers } in handlers() {
            let Some(operation) = handlers.operation() else {
                continue;
            };
            let document = serde_json::to_value((operation.document)()).unwrap();
            let method = route.method.as_str().to_ascii_lowercase();
            let item = &document["paths"][route.path];
            assert!(item[&method].is_object(), "{method} {}", route.path);
            assert_eq!(item.as_object().unwrap().len(), 1, "{}", route.path);
        }
    }
}
