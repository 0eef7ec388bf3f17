//! The page of the console that changes the name, the language and the `data` of a user.

use axum::extract::Path;
use axum::response::{Html, Response};
use doorward_domain::model::{User, Version};
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::{Data, Invalid, LanguageTag, Name};
use minijinja::{Value, context};

use crate::html::console::{AdminCaller, ConsoleSection, done, user_path};
use crate::html::display_name;
use crate::html::form::Form;
use crate::http::body::Fields;
use crate::http::problem::{Code, Problem};
use crate::users::data_pages::data_text;
use crate::users::profile_pages::{languages, update};

/// The form, with the stored profile.
pub(crate) async fn profile_page(
    caller: AdminCaller,
    Path(named): Path<String>,
) -> Result<Html<String>, Problem> {
    let user = caller.view(&named).await?.user;
    let form = with_data(with_profile(Form::default(), &user), &user);
    Ok(page(&caller, &user, &form))
}

/// Saves the name and the language, or the `data`: the page has a form for each.
pub(crate) async fn save(
    caller: AdminCaller,
    Path(named): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let saved = match fields.contains("data") {
        true => save_data(&caller, &named, fields).await,
        false => update(&caller, &named, fields).await,
    };
    let Err(problem) = saved else {
        return Ok(done(&named, "saved"));
    };
    let user = caller.view(&named).await?.user;
    let form = match problem.code {
        Code::PreconditionFailed => form.with_version(user.version),
        _ => form,
    };
    let form = match form.has_version() {
        true => with_profile(form, &user),
        false => with_data(form, &user),
    };
    Err(form.rejected(problem, |form| page(&caller, &user, form)))
}

/// Replaces the `data` of the version that the form was made from: an application may have changed it since.
async fn save_data(caller: &AdminCaller, named: &str, mut fields: Fields) -> Result<User, Problem> {
    let version = fields.required("version", |text| {
        let version = text.parse().map(Version);
        version.map_err(|_| Invalid::new("invalid", "Must be a version."))
    });
    // An empty field is more likely a mistake.
    if fields.is_absent("data") {
        fields.add_error("data", Invalid::new("missing", "Required."));
    }
    let data = fields.data();
    let (version, data) = fields.finish(|| Some((version?, data)))?;
    let (ctx, profile) = (&caller.ctx, &caller.doorward().profile);
    let update = ProfileUpdate::Data(data);
    Ok(profile.update(ctx, named, &update, Some(version)).await?)
}

fn with_profile(form: Form, user: &User) -> Form {
    let locale = user.preferred_locale.as_ref();
    form.with_value("name", user.name.as_ref().map(Name::as_str))
        .with_value("locale", locale.map(LanguageTag::as_str))
}

/// Long data is shown without line breaks, which a form sends as six bytes each.
fn with_data(form: Form, user: &User) -> Form {
    let data = data_text(user).filter(|text| text.len() <= Data::MAX_BYTES);
    let compact = || serde_json::to_string(user.data.as_map()).ok();
    let is_empty = user.data.as_map().is_empty();
    let data = data.or_else(|| compact().filter(|_| !is_empty));
    form.with_value("data", data.as_deref())
        .with_version(user.version)
}

fn page(caller: &AdminCaller, user: &User, form: &Form) -> Html<String> {
    let values = context! {
        page => user_path(&user.id.to_string()),
        subject => display_name(user),
        languages => languages(user.preferred_locale.as_ref()),
        stored => data_text(user),
        form => Value::from(form),
    };
    caller.render(ConsoleSection::Users, "users/console-profile", values)
}
