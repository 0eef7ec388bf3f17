//! `POST /user`: sign-up.

use axum::http::header::LOCATION;
use axum::http::{HeaderValue, StatusCode};
use axum::response::Response;
use doorward_domain::Doorward;
use doorward_domain::model::User;
use doorward_domain::sign_up::{BrowserSignUp, NewSignUp};
use doorward_domain::users::ViewedUser;
use doorward_domain::values::{EmailAddress, Name, Username};
use serde::Serialize;
use utoipa::ToSchema;

use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::problem::Problem;
use crate::users::view::{UserView, user_response};

/// At least one of `username` and `email`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignUp, example = json!({"username": "ben", "email": "ben@example.com", "password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct SignUpBody {
    /// Letters and digits of any script, with `.`, `_`, `-` and `+` between them.
    #[schema(min_length = 1, max_length = 64)]
    username: Option<String>,
    /// A confirmation mail is sent to it. Required, and at one of these domains, if `sign_up.domains` of `GET /` lists any.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    /// Any Unicode; not a common password, not the user's own names.
    #[schema(format = Password, min_length = 8, max_length = 256)]
    password: String,
    /// Display name.
    #[schema(min_length = 1, max_length = 200)]
    name: Option<String>,
    /// Any JSON object, up to 16 KiB and 32 levels. Numbers must fit a 64-bit integer or a double.
    #[schema(value_type = Option<Object>)]
    data: Option<serde_json::Value>,
}

/// Signs up. With a username the user is `active` at once; with an email address alone it is `pending` until the address is
/// confirmed. A confirmation mail goes to an address. The form of the page signs in a user who is `active`.
#[utoipa::path(post, path = "/user", tag = "Sign up", request_body = SignUpBody,
    responses((status = 201, description = "The user", body = UserView, headers(("Location" = String, description = "URL of the user"), ("ETag" = String, description = "Its version")))))]
pub(crate) async fn create_user(caller: Caller, fields: Fields) -> Result<Response, Problem> {
    let user = create(&caller, fields).await?;
    let location = format!("{}/user/{}", caller.doorward().policy().public_url, user.id);
    let user = ViewedUser {
        user,
        last_sign_in_at: None,
        is_locked_out: false,
    };
    let mut response = user_response(StatusCode::CREATED, &user);
    if let Ok(location) = HeaderValue::from_str(&location) {
        response.headers_mut().insert(LOCATION, location);
    }
    Ok(response)
}

/// Signs up. A repeated sign-up with the same address gets the same response (H-08); one with
/// the same username is 409.
async fn create(caller: &Caller, fields: Fields) -> Result<User, Problem> {
    let wanted = read(fields, caller.doorward())?;
    Ok(caller.doorward().sign_up.start(&caller.ctx, wanted).await?)
}

/// Signs up like [`create`], in a browser.
pub(super) async fn create_in_browser(
    caller: &Caller,
    fields: Fields,
) -> Result<BrowserSignUp, Problem> {
    let wanted = read(fields, caller.doorward())?;
    let sign_up = &caller.doorward().sign_up;
    Ok(sign_up.start_in_browser(&caller.ctx, wanted).await?)
}

fn read(mut fields: Fields, doorward: &Doorward) -> Result<NewSignUp, Problem> {
    let username = fields.optional("username", Username::parse_new);
    let email = fields.optional("email", EmailAddress::parse);
    if !fields.has_errors() {
        let checked = doorward
            .sign_up
            .check_identifiers(username.as_ref(), email.as_ref());
        if let Err(error) = checked {
            fields.add_error(&error.field, error.invalid);
        }
    }
    let name = fields.optional("name", Name::parse_new);
    let personal = [
        username.as_ref().map(Username::as_str),
        email.as_ref().map(EmailAddress::as_str),
        email.as_ref().map(EmailAddress::local_part),
        name.as_ref().map(Name::as_str),
    ];
    let personal: Vec<&str> = personal.into_iter().flatten().collect();
    let password = fields.required("password", |text| {
        doorward.passwords.check_rules(text, &personal)
    });
    let data = fields.data();
    fields.finish(|| {
        Some(NewSignUp {
            username,
            email,
            password: password?,
            name,
            data,
        })
    })
}
