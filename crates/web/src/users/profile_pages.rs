//! The page of the profile: the name and the language.

use axum::response::{Html, Response};
use doorward_domain::model::User;
use doorward_domain::users::ProfileUpdate;
use doorward_domain::values::{LanguageTag, Locale, Name, Username};
use minijinja::{Value, context};

use crate::html::account::{AccountCaller, Section};
use crate::html::form::Form;
use crate::html::outcome::{self, Outcome};
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::problem::Problem;

/// The form, with the stored profile.
pub(crate) async fn profile_page(caller: AccountCaller, outcome: Outcome) -> Html<String> {
    let user = caller.session().user();
    let locale = user.preferred_locale.as_ref().map(LanguageTag::as_str);
    let form = Form::default()
        .with_value("name", user.name.as_ref().map(Name::as_str))
        .with_value("locale", locale);
    page(&caller, &form, outcome.one_of(&["saved"]))
}

fn page(caller: &AccountCaller, form: &Form, done: Option<&str>) -> Html<String> {
    let user = caller.session().user();
    let values = context! {
        username => user.username.as_ref().map(Username::as_str),
        languages => languages(user.preferred_locale.as_ref()),
        form => Value::from(form),
        done,
    };
    caller.render(Section::Profile, "users/profile", values)
}

/// The languages to choose from. The user's stays as it is stored, such as `de-CH`, and may be one without texts.
pub(super) fn languages(stored: Option<&LanguageTag>) -> Vec<Value> {
    let of_stored = stored.and_then(Locale::of);
    let tag = |locale: Locale| match stored {
        Some(stored) if of_stored == Some(locale) => stored.as_str(),
        _ => locale.tag(),
    };
    let known = Locale::ALL.map(|locale| (tag(locale), locale.own_name()));
    let other = stored.filter(|_| of_stored.is_none());
    let other = other.map(|stored| (stored.as_str(), stored.as_str()));
    let all = known.into_iter().chain(other);
    all.map(|(tag, name)| context! { tag, name }).collect()
}

/// Saves the name and the language. The application's `data` stays.
pub(crate) async fn save(caller: AccountCaller, fields: Fields) -> Result<Response, Problem> {
    let form = Form::from_fields(&fields);
    let saved = update(&caller, "me", fields).await;
    saved.map_err(|problem| form.rejected(problem, |form| page(&caller, form, None)))?;
    Ok(outcome::redirect("/account/profile?saved"))
}

/// Changes the name and the language, for the page of the user and the console.
pub(super) async fn update(
    caller: &Caller,
    user: &str,
    mut fields: Fields,
) -> Result<User, Problem> {
    let name = fields.optional("name", Name::parse_new);
    let locale = fields.optional("locale", LanguageTag::parse);
    let update = fields.finish(|| {
        Some(ProfileUpdate::Patch {
            name: Some(name),
            data: None,
            locale: Some(locale),
        })
    })?;
    let profile = &caller.doorward().profile;
    Ok(profile.update(&caller.ctx, user, &update, None).await?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_of_languages_keeps_the_stored_tag() {
        let all = Locale::ALL.map(Locale::tag);
        let with_region = all.map(|tag| if tag == "de" { "de-CH" } else { tag });
        for (stored, tags) in [
            (None, all.to_vec()),
            (Some("de-CH"), with_region.to_vec()),
            (Some("qaa"), [&all[..], &["qaa"]].concat()),
        ] {
            let stored = stored.map(|tag| LanguageTag::parse(tag).unwrap());
            let found = languages(stored.as_ref());
            let found = found.iter().map(|item| item.get_attr("tag").unwrap());
            assert_eq!(
                found.collect::<Vec<_>>(),
                tags.into_iter().map(Value::from).collect::<Vec<_>>()
            );
        }
    }
}
