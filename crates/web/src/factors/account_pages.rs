//! The second factors of the signed-in user. The secret and the recovery codes are in the response to a form. They are not
//! shown again, except the secret to a form that sends it back.

use axum::extract::Path;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::error::chain;
use doorward_domain::factors::{Factor, FactorCode, FactorName, MAX_FACTORS};
use doorward_domain::values::Secret;
use minijinja::{Value, context};

use crate::factors::api::{self, finish};
use crate::factors::setup::{Setup, codes_values, take_uri};
use crate::html::account::{AccountCaller, Section};
use crate::html::dates::moment;
use crate::html::form::Form;
use crate::html::outcome::{self, Outcome};
use crate::html::sign_in_name;
use crate::http::body::Fields;
use crate::http::problem::{Code, Problem};
use crate::http::responses::see_other;

/// The page of a signed-in user's second factors.
const FACTORS: &str = Section::Factors.path();
/// The page, after an authenticator app was added.
const ADDED: &str = "/account/factors?added";
/// The page, after one was removed.
const REMOVED: &str = "/account/factors?removed";

/// The list of second factors.
pub(crate) async fn factors_page(
    caller: AccountCaller,
    outcome: Outcome,
) -> Result<Html<String>, Problem> {
    let done = outcome.one_of(&["added", "removed"]);
    list(&caller, &Form::default(), done).await
}

async fn list(
    caller: &AccountCaller,
    form: &Form,
    done: Option<&str>,
) -> Result<Html<String>, Problem> {
    let factors = caller.doorward().factors.list(&caller.ctx, "me").await?;
    let row = |factor: &Factor| {
        context! {
            id => factor.id.to_string(),
            name => factor.own_name(),
            added => moment(factor.created_at),
            last_used => factor.last_used_at.map(moment),
        }
    };
    let active = factors.factors.iter().filter(|factor| factor.is_active);
    let values = context! {
        apps => active.map(row).collect::<Vec<_>>(),
        max_apps => MAX_FACTORS,
        recovery_codes => factors.recovery_codes,
        form => Value::from(form),
        done,
    };
    Ok(caller.render(Section::Factors, "factors/factors", values))
}

/// A form of a step that was sent.
struct SentForm<'a> {
    step: Step<'a>,
    form: Form,
    /// `true` if it asked for the password.
    has_proof: bool,
}

impl<'a> SentForm<'a> {
    fn new(step: Step<'a>, fields: &Fields) -> Self {
        Self {
            step,
            form: Form::from_fields(fields),
            has_proof: fields.contains("password"),
        }
    }

    /// Shows its problem: the list with the error of the new authenticator app, or the page that asks for the proof.
    async fn rejected(self, caller: &AccountCaller, problem: Problem) -> Problem {
        let is_of = |names: [&str; 2]| {
            let mut errors = problem.errors.iter();
            errors.any(|error| names.contains(&error.field.as_str()))
        };
        // `kind` is the error of an account that cannot have another one.
        if is_of(["name", "kind"]) {
            return match list(caller, &self.form.with_errors(&problem), None).await {
                Ok(page) => problem.on_page(page),
                Err(other) => other,
            };
        }
        let needs_proof = match problem.code {
            Code::ReauthenticationRequired
            | Code::InvalidCredentials
            | Code::WrongPassword
            | Code::InvalidCode
            | Code::TooManyAttempts => true,
            Code::ValidationFailed => is_of(["password", "code"]),
            _ => false,
        };
        if !needs_proof {
            return problem;
        }
        let form = match self.has_proof {
            true => self
                .form
                .with_errors(&problem)
                .with_wrong_password_at("password"),
            false => self.form,
        };
        let app = match self.step {
            Step::Remove(id) => app_to_remove(caller, id).await,
            Step::Add | Step::Renew => None,
        };
        let page = confirmation(caller, self.step, app.as_ref(), Some(&form)).await;
        problem.on_page(page)
    }
}

/// The page that confirms a step. It asks for the proof in a form that was rejected, and if the sign-in with a second factor is
/// not recent.
async fn confirmation(
    caller: &AccountCaller,
    step: Step<'_>,
    app: Option<&AppToRemove>,
    rejected: Option<&Form>,
) -> Html<String> {
    let needs_code = caller.needs_code().await;
    let values = context! {
        step => step.name(),
        app_name => app.and_then(|app| app.name.as_ref()),
        is_last_app => app.is_some_and(|app| app.is_last),
        action => step.path(),
        codes => match step {
            Step::Renew => codes_version(caller).await,
            Step::Add | Step::Remove(_) => None,
        },
        asks_for_proof => (rejected.is_some() || needs_code != Some(false)) && !caller.has_recorded_proof(),
        needs_code,
        username => sign_in_name(caller.session().user()),
        form => Value::from(rejected.unwrap_or(&Form::default())),
    };
    caller.render(Section::Factors, "factors/proof", values)
}

/// The page that confirms the removal of an authenticator app. The list, if it does not have it.
pub(crate) async fn confirm_removal(caller: AccountCaller, Path(id): Path<String>) -> Response {
    let Some(app) = app_to_remove(&caller, &id).await else {
        return see_other(FACTORS);
    };
    let page = confirmation(&caller, Step::Remove(&id), Some(&app), None);
    page.await.into_response()
}

/// The page that confirms the renewal of the recovery codes.
pub(crate) async fn confirm_renewal(caller: AccountCaller) -> Html<String> {
    confirmation(&caller, Step::Renew, None, None).await
}

/// What a user does with the factors.
#[derive(Clone, Copy)]
enum Step<'a> {
    Add,
    /// With the id of the authenticator app.
    Remove(&'a str),
    Renew,
}

impl Step<'_> {
    /// Its name in the template.
    fn name(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove(_) => "remove",
            Self::Renew => "renew",
        }
    }

    /// Path of its form.
    fn path(self) -> String {
        match self {
            Self::Add => FACTORS.to_owned(),
            Self::Remove(id) => format!("{FACTORS}/{id}/remove"),
            Self::Renew => format!("{FACTORS}/recovery-codes"),
        }
    }
}

/// The authenticator app of a [`Step::Remove`].
struct AppToRemove {
    name: Option<String>,
    /// `true` if the user has no other one.
    is_last: bool,
}

/// Reads the authenticator app to remove. `None` if it cannot be read: the page asks for the proof anyway.
async fn app_to_remove(caller: &AccountCaller, id: &str) -> Option<AppToRemove> {
    let factors = caller.doorward().factors.list(&caller.ctx, "me").await;
    let factors = factors.inspect_err(|error| {
        tracing::warn!(error = %chain(error), "failed to read the authenticator app to remove");
    });
    let apps = factors.ok()?.factors.into_iter();
    let apps: Vec<_> = apps.filter(|factor| factor.is_active).collect();
    let app = apps.iter().find(|factor| factor.id.to_string() == id)?;
    Some(AppToRemove {
        name: app.own_name().map(str::to_owned),
        is_last: apps.len() == 1,
    })
}

/// Begins to add an authenticator app, and shows its secret.
pub(crate) async fn add(caller: AccountCaller, mut fields: Fields) -> Result<Response, Problem> {
    let form = SentForm::new(Step::Add, &fields);
    let name = fields.optional("name", FactorName::parse);
    let proof = fields.proof();
    let begun = async {
        let name = fields.finish(|| Some(name.unwrap_or_default()))?;
        api::begin(&caller, "me", &name, proof).await
    };
    match begun.await {
        Ok(enrolment) => {
            let action = format!("{FACTORS}/{}", enrolment.factor.id);
            let page = Setup::new(&action, FACTORS).with_uri(Some(&enrolment.uri));
            let values = page.values(&Form::default());
            let page = caller.render(Section::Factors, "factors/setup", values);
            Ok(page.into_response())
        }
        Err(problem) => Err(form.rejected(&caller, problem).await),
    }
}

/// Adds the authenticator app with its first code. Shows the recovery codes that come with the first one.
pub(crate) async fn finish_adding(
    caller: AccountCaller,
    Path(id): Path<String>,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let uri = take_uri(&mut fields);
    let code = fields.required("code", FactorCode::parse);
    let finished = async { finish(&caller, ("me", &id), &fields.finish(|| code)?).await };
    match finished.await {
        Ok((enrolled, _)) => Ok(match &enrolled.recovery_codes {
            Some(codes) => {
                let mut response = codes_page(&caller, codes, ADDED).into_response();
                outcome::set(response.headers_mut(), ADDED);
                response
            }
            None => outcome::redirect(ADDED),
        }),
        Err(problem) => {
            let action = format!("{FACTORS}/{id}");
            let page = |values| caller.render(Section::Factors, "factors/setup", values);
            let setup = Setup::new(&action, FACTORS).with_uri(uri.as_ref());
            Err(setup.rejected(page, problem))
        }
    }
}

/// Removes an authenticator app.
pub(crate) async fn remove(
    caller: AccountCaller,
    Path(id): Path<String>,
    fields: Fields,
) -> Result<Response, Problem> {
    let form = SentForm::new(Step::Remove(&id), &fields);
    match api::remove(&caller, ("me", &id), Some(fields)).await {
        Ok(()) => Ok(outcome::redirect(REMOVED)),
        Err(problem) => Err(form.rejected(&caller, problem).await),
    }
}

/// Renews the recovery codes, and shows them. A form that is sent again, as by a reload, renews nothing: the codes are newer
/// than its page.
pub(crate) async fn renew_codes(
    caller: AccountCaller,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let seen = fields.optional("codes", |text| Ok(text.to_owned()));
    if seen.is_some() && seen != codes_version(&caller).await {
        return Ok(see_other(FACTORS));
    }
    let form = SentForm::new(Step::Renew, &fields);
    match api::renew(&caller, "me", Some(fields)).await {
        Ok(codes) => Ok(codes_page(&caller, &codes, FACTORS).into_response()),
        Err(problem) => Err(form.rejected(&caller, problem).await),
    }
}

/// What distinguishes the recovery codes from earlier and later ones. `None` if it cannot be read: the form then has none.
async fn codes_version(caller: &AccountCaller) -> Option<String> {
    let factors = caller.doorward().factors.list(&caller.ctx, "me").await;
    let created_at = factors.ok()?.codes_created_at?;
    Some(created_at.as_microsecond().to_string())
}

fn codes_page(caller: &AccountCaller, codes: &[Secret<String>], next: &str) -> Html<String> {
    let values = codes_values(codes, Some(next));
    caller.render(Section::Factors, "factors/codes", values)
}
