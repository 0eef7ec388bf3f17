//! OpenAPI operations of the pages that share a path with the API. `Allow` lists their methods as well, so the
//! document includes them.
//!
//! To add one: an arm in [`operation`]. A test fails if one is missing.

use serde_json::{Value, json};

use crate::problem::Code;
use crate::routes::{Route, TABLE};

/// Returns the pages in the document, with their operations.
pub(crate) fn operations() -> impl Iterator<Item = (&'static Route, Value)> {
    let shared = TABLE.iter().filter(|route| route.page && is_shared(route));
    shared.map(|route| (route, operation(route)))
}

/// Returns `true` if the API has a route with the same path.
fn is_shared(page: &Route) -> bool {
    let mut rows = TABLE.iter();
    rows.any(|route| !route.page && route.path == page.path)
}

fn operation(route: &Route) -> Value {
    let (id, summary) = match (route.method.as_str(), route.path) {
        ("GET", "/confirmation") => (
            "confirmation_page",
            "The form to request a confirmation mail",
        ),
        ("GET", "/recovery") => ("recovery_page", "The form to request a recovery mail"),
        ("GET", "/password") => ("password_page", "The form to change the password"),
        ("POST", "/password") => ("password_form", "Submits the form to change the password"),
        (method, path) => unreachable!("{method} {path} is a page without an operation"),
    };
    let mut operation = json!({
        "tags": ["Account"],
        "summary": format!("{summary}. For browsers only."),
        "operationId": id,
        "responses": {"200": {"description": "A page", "content": page()}},
    });
    if route.method == http::Method::POST {
        let body = json!({"$ref": "#/components/schemas/PasswordChange"});
        operation["requestBody"] =
            json!({"required": true, "content": {"application/json": {"schema": body}}});
    }
    operation
}

/// The problems of a page's form: those of the API route with the same path.
pub(crate) fn problems_of(page: &Route) -> Vec<Code> {
    let twin = TABLE
        .iter()
        .find(|route| page.method == http::Method::POST && route.path == page.path && !route.page);
    let own = twin.map(|route| route.problems).into_iter().flatten();
    let own = own.copied();
    own.collect()
}

/// Adds the page of a problem, for clients that prefer HTML.
pub(crate) fn add_page(response: &mut Value) {
    if let Some(content) = response["content"].as_object_mut() {
        content.insert("text/html".to_owned(), page()["text/html"].clone());
    }
}

fn page() -> Value {
    json!({"text/html": {"schema": {"type": "string"}}})
}
