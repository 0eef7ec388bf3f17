//! The page of the console that changes the name and the language of a user.

use axum::extract::Path;
use axum::response::{Html, Response};
use doorward_domain::model::User;
use doorward_domain::values::{LanguageTag, Name};
use minijinja::{Value, context};

use crate::html::console::{AdminCaller, ConsoleSection, done, user_path};
use crate::html::display_name;
use crate::html::form::Form;
use crate::http::body::Fields;
use crate::http::problem::Problem;
use crate::users::profile_pages::{languages, update};

/// The form, with the stored profile.
pub(crate) async fn profile_page(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Html<String>, Problem> {
    let user = caller.view(&named).await?.user;
    let form = Form::default()
        .with_value("name", user.name.as_ref().map(Name::as_str))
        .with_value(
            "locale",
            user.preferred_locale.as_ref().map(LanguageTag::as_str),
        );
    Ok(page(&caller, &user, &form))
}

/// Saves the name and the language. The application's `data` stays.
pub(crate) async fn save(
    caller: AdminCaller,
    Path(named): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let Err(problem) = update(&caller, &named, fields).await else {
        return Ok(done(&named, "saved"));
    };
    let user = caller.view(&named).await?.user;
    Err(form.rejected(problem, |form| page(&caller, &user, form)))
}

fn page(caller: &AdminCaller, user: &User, form: &Form) -> Html<String> {
    let values = context! {
        page => user_path(&user.id.to_string()),
        subject => display_name(user),
        languages => languages(user.preferred_locale.as_ref()),
        form => Value::from(form),
    };
    caller.render(ConsoleSection::Users, "users/console-profile", values)
}
