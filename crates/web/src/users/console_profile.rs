//! The page of the console that changes the name, the language and the `data` of a user.

use axum::extract::Path;
use axum::response::{Html, Response};
use doorward_domain::model::{User, Version};
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::{Invalid, LanguageTag, Name};
use minijinja::{Value, context};

use crate::html::console::{AdminCaller, ConsoleSection, done, user_path};
use crate::html::display_name;
use crate::html::form::Form;
use crate::http::body::Fields;
use crate::http::problem::{Code, Problem};
use crate::users::data_pages::data_text;
use crate::users::profile_pages::languages;

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
        )
        .with_value("data", data_text(&user).as_deref());
    let form = form.with_version(user.version);
    Ok(page(&caller, &user, &form))
}

/// Saves the name and the language, and the `data` if the form has it: an application may have changed it since the form was
/// shown, so the form has the version of the user.
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
    let is_outdated = problem.code == Code::PreconditionFailed;
    Err(form.rejected(problem, |form| match is_outdated {
        true => page(&caller, &user, &form.clone().with_version(user.version)),
        false => page(&caller, &user, form),
    }))
}

async fn update(caller: &AdminCaller, named: &str, mut fields: Fields) -> Result<User, Problem> {
    let name = fields.optional("name", Name::parse_new);
    let locale = fields.optional("locale", LanguageTag::parse);
    let expected = fields.optional("version", |text| {
        let version = text.parse().map(Version);
        version.map_err(|_| Invalid::new("invalid", "Must be a version."))
    });
    let data = fields.contains("data").then(|| fields.data());
    let locale = Some(locale);
    let update = fields.finish(|| {
        Some(match data {
            Some(data) => ProfileUpdate::Replace { name, data, locale },
            None => ProfileUpdate::Patch {
                name: Some(name),
                data: None,
                locale,
            },
        })
    })?;
    let profile = &caller.doorward().profile;
    Ok(profile
        .update(&caller.ctx, named, &update, expected)
        .await?)
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
