//! `GET /`: a greeting with links; with a session, also its user.

use doorward_domain::Policy;
use doorward_domain::model::User;
use doorward_domain::sessions::Authenticated;
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::caller::Caller;
use crate::http::json::Json;
use crate::users::view::UserView;

/// A greeting, and where to go next.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Greeting {
    /// The greeting.
    #[schema(example = "Hello World")]
    message: &'static str,
    /// Name of the product.
    #[schema(example = "Doorward")]
    name: &'static str,
    /// Version of the API.
    #[schema(example = "0.1.0")]
    version: &'static str,
    /// Paths of the main resources.
    links: Links,
    /// Who may sign up.
    sign_up: SignUpRules,
}

/// Who may sign up.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct SignUpRules {
    /// `open`: anyone; `invitation`: users whom an admin has invited; `closed`: no one.
    #[schema(example = "open")]
    policy: &'static str,
    /// Domains of the addresses that are accepted; one that begins with a dot includes its subdomains. If the list is
    /// empty, all are accepted, and an address is optional.
    #[schema(example = json!(["example.com"]))]
    domains: Vec<String>,
}

/// Paths of the main resources.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Links {
    /// The API reference, a page.
    #[schema(example = "/docs")]
    docs: &'static str,
    /// The OpenAPI document.
    #[schema(example = "/openapi.json")]
    openapi: &'static str,
    /// What each problem means, a page.
    #[schema(example = "/problems")]
    problems: &'static str,
    /// `POST` signs up.
    #[schema(example = "/user")]
    sign_up: &'static str,
    /// `POST` signs in.
    #[schema(example = "/auth")]
    sign_in: &'static str,
}

fn greeting(policy: &Policy) -> Greeting {
    Greeting {
        message: "Hello World",
        name: "Doorward",
        version: env!("CARGO_PKG_VERSION"),
        links: Links {
            docs: "/docs",
            openapi: "/openapi.json",
            problems: "/problems",
            sign_up: "/user",
            sign_in: "/auth",
        },
        sign_up: SignUpRules {
            policy: policy.sign_up.as_str(),
            domains: policy.email_domains.names(),
        },
    }
}

/// The greeting, with a session also the fields of its user, but the display name.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Home {
    #[serde(flatten)]
    greeting: Greeting,
    #[serde(flatten)]
    #[schema(value_type = Option<UserView>)]
    user: serde_json::Map<String, serde_json::Value>,
}

/// The fields of a user; `name` is that of the product here.
fn user_fields(user: &User) -> serde_json::Map<String, serde_json::Value> {
    match serde_json::to_value(UserView::from(user)) {
        Ok(serde_json::Value::Object(mut fields)) => {
            fields.remove("name");
            fields
        }
        _ => serde_json::Map::new(),
    }
}

/// Returns a greeting with links. With a valid session it also has the fields of the user, but the display
/// name. An invalid token is ignored.
#[utoipa::path(get, path = "/", tag = "Start", responses((status = 200, description = "The greeting", body = Home)))]
pub(crate) async fn home(caller: Caller) -> Json<Home> {
    let user = caller.session().map(Authenticated::user);
    Json(Home {
        greeting: greeting(caller.doorward().policy()),
        user: user.map(user_fields).unwrap_or_default(),
    })
}
