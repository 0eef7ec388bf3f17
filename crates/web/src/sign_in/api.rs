//! `POST /auth`: sign-in with a password, for programs and for the form of the start page.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::HeaderMap;
use axum::response::Response;
use doorward_domain::Error;
use doorward_domain::ctx::session_actor;
use doorward_domain::sessions::SignedIn;
use doorward_domain::sign_in::{Identifier, Outcome};
use doorward_domain::values::{EmailAddress, Invalid, Password, Username};
use serde::Serialize;
use utoipa::ToSchema;

use crate::app::App;
use crate::home::pages::{WelcomeForms, welcome};
use crate::html::form::Form;
use crate::html::return_to::ReturnTo;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies::{set_device_cookie, set_session_cookie};
use crate::http::credentials::{PresentedCredential, credential};
use crate::http::problem::Problem;
use crate::http::responses::{see_other, token_response};
use crate::views::SignedInView;

/// `password`, and one of `username` and `email`.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SignIn, example = json!({"email": "ben@example.com", "password": "three boats on a lake"}))]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInBody {
    /// The username; letter case is ignored.
    #[schema(min_length = 1, max_length = 64)]
    username: Option<String>,
    /// The confirmed address.
    #[schema(format = Email, max_length = 254)]
    email: Option<String>,
    /// The password.
    #[schema(format = Password, max_length = 256)]
    password: String,
}

/// Reads exactly one of `username` and `email`.
pub(crate) fn identifier(fields: &mut Fields) -> Option<Identifier> {
    let is_absent = fields.is_absent("username") && fields.is_absent("email");
    let username = fields.optional("username", Username::parse);
    let email = fields.optional("email", EmailAddress::parse);
    match (username, email) {
        (Some(_), Some(_)) => {
            fields.add_error(
                "email",
                Invalid::new("ambiguous", "Send a `username` or an `email`, not both."),
            );
            None
        }
        (Some(username), None) => Some(Identifier::Username(username)),
        (None, Some(email)) => Some(Identifier::Email(email)),
        (None, None) => {
            if is_absent {
                fields.add_error(
                    "username",
                    Invalid::new("missing", "Send a `username` or an `email`."),
                );
            }
            None
        }
    }
}

/// Signs in. A form of a page also ends the session whose cookie it replaces.
#[utoipa::path(post, path = "/auth", tag = "Sessions", request_body = SignInBody, responses((status = 201, description = "The session, with its token", body = SignedInView)))]
pub(crate) async fn sign_in(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Problem> {
    if caller.wants_html {
        return sign_in_by_page(&app, &caller, &headers, fields).await;
    }
    let signed_in = create_session(&app, &caller, fields).await?;
    let view = SignedInView::new(&signed_in, caller.ctx.now);
    let mut response = token_response(StatusCode::CREATED, view);
    let account = (&signed_in.user, &signed_in.session);
    set_device_cookie(&app, &caller, account, response.headers_mut());
    Ok(response)
}

async fn create_session(
    app: &App,
    caller: &Caller,
    mut fields: Fields,
) -> Result<SignedIn, Problem> {
    let password = fields.required("password", Password::parse);
    let who = identifier(&mut fields);
    let (who, password) = fields.finish(|| Some((who?, password?)))?;
    let sign_in = &app.doorward.sign_in;
    match sign_in.start(&caller.ctx, &who, &password).await? {
        Outcome::Session(signed_in) => Ok(*signed_in),
        Outcome::NextFactor(next) => match next {},
    }
}

/// Sets the cookies and redirects the browser (W-05), or returns the form with its errors and what was entered.
async fn sign_in_by_page(
    app: &App,
    caller: &Caller,
    headers: &HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let return_to = ReturnTo::take_from_form(&mut fields, &app.options.return_origins);
    fields.move_address_to_email();
    match create_session(app, caller, fields).await {
        Ok(signed_in) => {
            end_replaced_session(app, caller, headers).await;
            let mut response = see_other(return_to.as_ref().map_or("/", ReturnTo::as_str));
            let cookies = response.headers_mut();
            set_session_cookie(cookies, &signed_in, caller.ctx.now);
            set_device_cookie(app, caller, (&signed_in.user, &signed_in.session), cookies);
            Ok(response)
        }
        Err(problem) => {
            let forms = WelcomeForms {
                sign_in: form.with_errors(&problem).with_login_field(),
                return_to,
                ..WelcomeForms::default()
            };
            Err(problem.on_page(welcome(&app.pages, caller.locale(), &forms)))
        }
    }
}

/// Ends the session whose cookie the new one replaces: the browser can no longer sign it out, and a copied
/// token would stay valid (S-02; ASVS 7.2.4). If that fails, the session expires by itself.
async fn end_replaced_session(app: &App, caller: &Caller, headers: &HeaderMap) {
    let Ok(Some(PresentedCredential::Cookie(token))) = credential(headers) else {
        return;
    };
    let ended = match app
        .doorward
        .sessions
        .authenticate(&caller.ctx, token.expose())
        .await
    {
        Ok(old) => {
            let ctx = caller
                .ctx
                .acting_as(session_actor(old.user(), old.session()));
            app.doorward.sessions.sign_out(&ctx, &old).await
        }
        // The replaced session is invalid already.
        Err(Error::InvalidToken) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = ended {
        tracing::warn!(%error, "failed to end the session replaced by this sign-in");
    }
}
