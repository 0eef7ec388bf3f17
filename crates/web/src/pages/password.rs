//! Change the password on a page: a form cannot send `PUT`.

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::{Html, Response};
use doorward_domain::flows::sessions::Authenticated;

use crate::api::auth::see_other;
use crate::api::passwords;
use crate::app::App;
use crate::body::Fields;
use crate::guard::Caller;
use crate::pages::form::Form;
use crate::problem::Problem;

/// The form; without a session it also asks for the username or address.
pub(crate) async fn ask(State(app): State<App>, caller: Caller) -> Html<String> {
    let user = caller.session().map(Authenticated::user);
    app.pages.password(caller.locale(), user, &Form::default())
}

/// Changes the password, as `PUT /password` does.
pub(crate) async fn change(
    State(app): State<App>,
    caller: Caller,
    mut fields: Fields,
) -> Result<(HeaderMap, Html<String>), Problem> {
    let form = Form::of(&fields);
    fields.move_address_to_email();
    let (locale, user) = (caller.locale(), caller.session().map(Authenticated::user));
    match passwords::change(&app, &caller, fields).await {
        Ok(cookies) => Ok((cookies, app.pages.password_changed(locale, user.is_some()))),
        Err(problem) => {
            let page = app.pages.password(
                caller.locale(),
                user,
                &form.refused(&problem).with_one_name(),
            );
            Err(problem.on_page(page))
        }
    }
}

/// Where password managers look for the page that changes a password (W3C, “A Well-Known URL for
/// Changing Passwords”).
pub(crate) async fn well_known() -> Response {
    see_other("/password")
}
