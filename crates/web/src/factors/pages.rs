//! The pages of second factors: `/auth/factors` for a signed-in user, `/sign-in/enrol` for a sign-in in which the user must add
//! one, and those of the link that removes them. The secret and the recovery codes are in the response to a form, and are
//! not shown again.

use axum::extract::{Path, RawQuery, State};
use axum::http::header::HeaderMap;
use axum::response::{Html, IntoResponse, Response};
use doorward_domain::factors::{Enrolment, Factor, FactorCode, FactorName, MAX_FACTORS};
use doorward_domain::sessions::Authenticated;
use doorward_domain::values::Secret;
use doorward_domain::{Ctx, Error};
use jiff::Timestamp;
use minijinja::{Value, context};

use crate::app::App;
use crate::factors::api::{self, code_texts, finish, qr_svg};
use crate::html::form::Form;
use crate::html::return_to::{ReturnTo, sign_in_path, with_return_to};
use crate::html::sign_in_name;
use crate::http::body::Fields;
use crate::http::caller::Caller;
use crate::http::cookies;
use crate::http::links::{done_page, read_token, undo_page};
use crate::http::origins::Origins;
use crate::http::problem::{Code, Problem};
use crate::http::responses::see_other;
use crate::sign_in::pages::{expired, set_sign_in_cookies};

/// The page of a signed-in user's second factors.
const FACTORS: &str = "/auth/factors";
/// Number of characters between the spaces of a secret.
const SECRET_GROUP: usize = 4;

/// The list of second factors. A browser without a session is redirected to the sign-in page.
pub(crate) async fn factors_page(
    State(app): State<App>,
    caller: Caller,
) -> Result<Response, Problem> {
    if caller.session().is_none() {
        let return_to = ReturnTo::parse(FACTORS, &Origins::default());
        return Ok(see_other(&sign_in_path(return_to.as_ref())));
    }
    let page = list(&app, &caller, &Form::default()).await?;
    Ok(page.into_response())
}

async fn list(app: &App, caller: &Caller, form: &Form) -> Result<Html<String>, Problem> {
    let factors = app.doorward.factors.list(&caller.ctx, "me").await?;
    let date = |at: Timestamp| at.strftime("%Y-%m-%d").to_string();
    let row = |factor: &Factor| {
        context! {
            id => factor.id.to_string(),
            name => &factor.name,
            added => date(factor.created_at),
            last_used => factor.last_used_at.map(date),
        }
    };
    let active = factors.totp.iter().filter(|factor| factor.is_active);
    let values = context! {
        apps => active.map(row).collect::<Vec<_>>(),
        max_apps => MAX_FACTORS,
        recovery_codes => factors.recovery_codes,
        form => Value::from(form),
    };
    Ok(app.pages.render(caller.locale(), "factors/factors", values))
}

/// Shows the problem of a form of the list: the list with the error of the new authenticator app, or a page that asks for
/// the proof and posts to the same path. `step` is `add`, `remove` or `renew`.
async fn rejected(
    app: &App,
    caller: &Caller,
    (step, path): (&str, &str),
    (form, has_proof): (Form, bool),
    problem: Problem,
) -> Problem {
    let is_of = |names: [&str; 2]| {
        let mut errors = problem.errors.iter();
        errors.any(|error| names.contains(&error.field.as_str()))
    };
    // `kind` is the error of an account that cannot have another one.
    if is_of(["name", "kind"]) {
        return match list(app, caller, &form.with_errors(&problem)).await {
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
    let has_factor = match app.doorward.factors.has_factor(&caller.ctx).await {
        Ok(has_factor) => has_factor,
        Err(error) => return error.into(),
    };
    let form = match has_proof {
        true => form.with_errors(&problem),
        false => form,
    };
    let user = caller.session().map(Authenticated::user);
    let values = context! {
        step,
        action => path,
        has_factor,
        username => user.and_then(sign_in_name),
        form => Value::from(&form),
    };
    problem.on_page(app.pages.render(caller.locale(), "factors/proof", values))
}

/// Begins to add an authenticator app, and shows its secret.
pub(crate) async fn add(
    State(app): State<App>,
    caller: Caller,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let form = (Form::from_fields(&fields), fields.contains("password"));
    let name = fields.optional("name", FactorName::parse);
    let proof = fields.proof();
    let begun = match fields.finish(|| Some(name.unwrap_or_default())) {
        Ok(name) => api::begin(&app, &caller.ctx, "me", &name, proof).await,
        Err(problem) => Err(problem),
    };
    match begun {
        Ok(enrolment) => {
            let action = format!("{FACTORS}/{}", enrolment.factor.id);
            let page = Setup::new(&action, FACTORS).with_secret(&enrolment);
            Ok(page
                .render(&app, &caller, &Form::default())?
                .into_response())
        }
        Err(problem) => Err(rejected(&app, &caller, ("add", FACTORS), form, problem).await),
    }
}

/// Adds the authenticator app with its first code. Shows the recovery codes that come with the first one.
pub(crate) async fn finish_adding(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let code = fields.required("code", FactorCode::parse);
    let finished = match fields.finish(|| code) {
        Ok(code) => finish(&app, &caller.ctx, ("me", &id), &code).await,
        Err(problem) => Err(problem),
    };
    match finished {
        Ok((enrolled, _)) => Ok(match &enrolled.recovery_codes {
            Some(codes) => codes_page(&app, &caller, codes, Some(FACTORS)).into_response(),
            None => see_other(FACTORS),
        }),
        Err(problem) => {
            let action = format!("{FACTORS}/{id}");
            Err(Setup::new(&action, FACTORS).rejected(&app, &caller, problem))
        }
    }
}

/// Removes an authenticator app.
pub(crate) async fn remove(
    State(app): State<App>,
    caller: Caller,
    Path(id): Path<String>,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let form = (Form::default(), fields.contains("password"));
    let proof = fields.proof();
    let removed = match fields.finish(|| Some(())) {
        Ok(()) => api::remove(&app, &caller.ctx, ("me", &id), proof).await,
        Err(problem) => Err(problem),
    };
    match removed {
        Ok(()) => Ok(see_other(FACTORS)),
        Err(problem) => {
            let path = format!("{FACTORS}/{id}/remove");
            Err(rejected(&app, &caller, ("remove", &path), form, problem).await)
        }
    }
}

/// Renews the recovery codes, and shows them.
pub(crate) async fn renew_codes(
    State(app): State<App>,
    caller: Caller,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let form = (Form::default(), fields.contains("password"));
    let proof = fields.proof();
    let renewed = match fields.finish(|| Some(())) {
        Ok(()) => api::renew(&app, &caller.ctx, "me", proof).await,
        Err(problem) => Err(problem),
    };
    match renewed {
        Ok(codes) => Ok(codes_page(&app, &caller, &codes, Some(FACTORS)).into_response()),
        Err(problem) => {
            let step = ("renew", "/auth/recovery-codes");
            Err(rejected(&app, &caller, step, form, problem).await)
        }
    }
}

/// The page on which a user adds the second factor that the policy requires.
pub(crate) async fn required_page(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Result<Response, Problem> {
    let return_to = ReturnTo::from_query(query.as_deref(), &app.options.return_origins);
    if let Err(problem) = enrolling(&app, &caller, &headers).await {
        return unless_expired(&app, &caller, return_to, problem);
    }
    let values = context! { return_to => return_to.as_ref().map(ReturnTo::as_str) };
    let page = app
        .pages
        .render(caller.locale(), "factors/required", values);
    Ok(page.into_response())
}

/// Begins to add the required authenticator app, and shows its secret.
pub(crate) async fn begin_required(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let return_to = ReturnTo::take_from_form(&mut fields, &app.options.return_origins);
    fields.finish(|| Some(()))?;
    let begun = async {
        let ctx = enrolling(&app, &caller, &headers).await?;
        api::begin(&app, &ctx, "me", &FactorName::default(), None).await
    };
    match begun.await {
        Ok(enrolment) => {
            let action = format!("/sign-in/enrol/{}", enrolment.factor.id);
            let page = Setup::new(&action, "/sign-in/enrol")
                .with_secret(&enrolment)
                .returning_to(return_to.as_ref());
            Ok(page
                .render(&app, &caller, &Form::default())?
                .into_response())
        }
        Err(problem) => unless_expired(&app, &caller, return_to, problem),
    }
}

/// Completes the sign-in with the first code of the required authenticator app, and shows the recovery codes.
pub(crate) async fn finish_required(
    State(app): State<App>,
    caller: Caller,
    headers: HeaderMap,
    Path(id): Path<String>,
    mut fields: Fields,
) -> Result<Response, Problem> {
    let return_to = ReturnTo::take_from_form(&mut fields, &app.options.return_origins);
    let code = fields.required("code", FactorCode::parse);
    let finished = async {
        let code = fields.finish(|| code)?;
        let ctx = enrolling(&app, &caller, &headers).await?;
        finish(&app, &ctx, ("me", &id), &code).await
    };
    match finished.await {
        Ok((enrolled, session)) => {
            let codes = enrolled.recovery_codes.unwrap_or_default();
            let target = return_to.as_ref().map_or("/", ReturnTo::as_str);
            let next = session.is_some().then_some(target);
            let mut response = codes_page(&app, &caller, &codes, next).into_response();
            if let Some(signed_in) = &session {
                set_sign_in_cookies(&app, &caller, &headers, signed_in, &mut response).await;
            }
            Ok(response)
        }
        Err(problem) => {
            let action = format!("/sign-in/enrol/{id}");
            let page = Setup::new(&action, "/sign-in/enrol").returning_to(return_to.as_ref());
            let problem = page.rejected(&app, &caller, problem);
            unless_expired(&app, &caller, return_to, problem)
        }
    }
}

/// The context of a user who adds the required factor, by the cookie of their challenge.
async fn enrolling(app: &App, caller: &Caller, headers: &HeaderMap) -> Result<Ctx, Problem> {
    let challenge = cookies::challenge(headers).ok_or(Error::ChallengeExpired)?;
    let sign_in = &app.doorward.sign_in;
    let actor = sign_in.enrolling(&caller.ctx, &challenge).await?;
    Ok(caller.ctx.acting_as(actor))
}

/// Leads back to the sign-in page if the challenge is not valid.
fn unless_expired(
    app: &App,
    caller: &Caller,
    return_to: Option<ReturnTo>,
    problem: Problem,
) -> Result<Response, Problem> {
    match problem.code {
        Code::InvalidToken | Code::ChallengeExpired => Ok(expired(app, caller, return_to.as_ref())),
        _ => Err(problem),
    }
}

/// The page with the QR code, the secret and a field for the first code. After a wrong code, without the secret.
struct Setup<'a> {
    /// Path of the form.
    action: &'a str,
    /// Path of the page on which the enrolment began.
    restart: &'a str,
    enrolment: Option<&'a Enrolment>,
    return_to: Option<&'a ReturnTo>,
}

impl<'a> Setup<'a> {
    fn new(action: &'a str, restart: &'a str) -> Self {
        Self {
            action,
            restart,
            enrolment: None,
            return_to: None,
        }
    }

    fn with_secret(self, enrolment: &'a Enrolment) -> Self {
        Self {
            enrolment: Some(enrolment),
            ..self
        }
    }

    fn returning_to(self, return_to: Option<&'a ReturnTo>) -> Self {
        Self { return_to, ..self }
    }

    fn render(&self, app: &App, caller: &Caller, form: &Form) -> Result<Html<String>, Problem> {
        let (mut qr, mut uri, mut secret) = (None, None, None);
        if let Some(enrolment) = self.enrolment {
            let text = enrolment.uri.expose();
            qr = Some(Value::from_safe_string(qr_svg(text)?));
            uri = Some(text.as_str());
            secret = Some(in_groups(enrolment.secret.expose()));
        }
        let values = context! {
            action => self.action,
            restart => with_return_to(self.restart, self.return_to),
            return_to => self.return_to.map(ReturnTo::as_str),
            qr,
            uri,
            secret,
            form => Value::from(form),
        };
        Ok(app.pages.render(caller.locale(), "factors/setup", values))
    }

    /// Shows the form again if its code is wrong.
    fn rejected(&self, app: &App, caller: &Caller, problem: Problem) -> Problem {
        if !matches!(problem.code, Code::InvalidCode | Code::ValidationFailed) {
            return problem;
        }
        match self.render(app, caller, &Form::default().with_errors(&problem)) {
            Ok(page) => problem.on_page(page),
            Err(other) => other,
        }
    }
}

/// A secret in groups of four characters, which are easier to type.
fn in_groups(secret: &str) -> String {
    let letters: Vec<char> = secret.chars().collect();
    let groups = letters.chunks(SECRET_GROUP).map(String::from_iter);
    groups.collect::<Vec<_>>().join(" ")
}

/// The page that shows recovery codes. `next` is where the user goes then; `None` for the sign-in page.
fn codes_page(
    app: &App,
    caller: &Caller,
    codes: &[Secret<String>],
    next: Option<&str>,
) -> Html<String> {
    let values = context! { codes => code_texts(codes), next };
    app.pages.render(caller.locale(), "factors/codes", values)
}

/// The page of the link that removes all second factors.
pub(crate) async fn view_factor_undo(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    let service = &app.doorward.factors;
    let link = service.view_undo(&caller.ctx, &read_token(&token)?).await?;
    let template = "factors/undo-factors";
    Ok(undo_page(&app, &caller, template, &link, &token))
}

/// Removes all second factors.
pub(crate) async fn undo_factors(
    State(app): State<App>,
    caller: Caller,
    Path(token): Path<String>,
) -> Result<Html<String>, Problem> {
    let service = &app.doorward.factors;
    service.undo(&caller.ctx, &read_token(&token)?).await?;
    Ok(done_page(&app, &caller, "factors/factors-undone"))
}
