//! The page that the link of an invitation opens.

use axum::extract::Path;
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use doorward_domain::model::Purpose;
use doorward_domain::values::{EmailAddress, Name, Username};
use minijinja::{Value, context};

use crate::html::form::Form;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::links::read_token;
use crate::http::problem::Problem;
use crate::invitation::api;
use crate::invitation::view::address;
use crate::sign_in::notice::Notice;
use crate::sign_in::pages::after_sign_up;

/// The form that asks for a password, and for a name if the invitation has none.
pub(crate) async fn view_invitation(
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    acceptance_form(&caller, &token, &Form::default()).await
}

/// Accepts the invitation, and signs in: the user has chosen the password in this request. After an error the form is shown
/// again, and the link stays valid.
pub(crate) async fn accept(
    caller: Caller,
    Path(token): Path<String>,
    headers: HeaderMap,
    fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    match api::accept(&caller, &token, fields).await {
        Ok(accepted) => {
            let signed_in = after_sign_up(&caller, &headers, &accepted, None).await;
            Ok(signed_in.unwrap_or_else(|| Notice::SignedUp.redirect(None)))
        }
        Err(problem) => {
            let form = form.with_errors(&problem);
            Err(problem.on_page(acceptance_form(&caller, &token, &form).await?))
        }
    }
}

/// The form. If the link is void, the problem says whom to ask for a new one.
async fn acceptance_form(
    caller: &Caller,
    token: &str,
    form: &Form,
) -> Result<Html<String>, Problem> {
    let purpose = Purpose::Invitation;
    let parsed = read_token(token, purpose)?;
    let invitation_acceptance = &caller.doorward().invitation_acceptance;
    let viewed = invitation_acceptance.view(&caller.ctx, &parsed).await;
    let user = viewed.map_err(|error| Problem::from(error).of_link(purpose))?;
    let values = context! {
        email => address(&user).map(EmailAddress::as_str),
        username => user.username.as_ref().map(Username::as_str),
        name => user.name.as_ref().map(Name::as_str),
        form => Value::from(form),
        token,
    };
    Ok(caller.render("invitation/accept", values))
}
