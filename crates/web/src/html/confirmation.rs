//! The page of the console that confirms an action on a user. It asks for the proof if the API would.

use axum::response::{Html, IntoResponse, Response};
use doorward_domain::model::User;
use minijinja::{Value, context};

use crate::html::console::{AdminCaller, ConsoleSection, user_path};
use crate::html::form::Form;
use crate::html::{display_name, sign_in_name};
use crate::http::body::Fields;
use crate::http::problem::{Code, Problem};
use crate::http::responses::see_other;

/// An action on a user.
pub(crate) struct AdminAct {
    /// Variant of the messages `console-act`, `console-ask` and `console-effects`.
    name: &'static str,
    /// Path of its page and of its form, below that of the user.
    page: String,
    requires_proof: bool,
    /// A hidden field of its form.
    field: Option<(&'static str, &'static str)>,
    /// What it is about: the name of an authenticator app, if it has its own, or an address.
    about: Option<String>,
    /// The device that it is about.
    device: Option<Value>,
    /// The answers to why it is done: variants of the message `console-reason`.
    reasons: Vec<&'static str>,
}

impl AdminAct {
    /// An action that needs no proof.
    pub(crate) fn new(name: &'static str, page: impl Into<String>) -> Self {
        Self {
            name,
            page: page.into(),
            requires_proof: false,
            field: None,
            about: None,
            device: None,
            reasons: Vec::new(),
        }
    }

    /// With a recent sign-in, or with the password and the code in its form.
    pub(crate) fn with_proof(mut self) -> Self {
        self.requires_proof = true;
        self
    }

    /// With a hidden field.
    pub(crate) fn with_field(mut self, name: &'static str, value: &'static str) -> Self {
        self.field = Some((name, value));
        self
    }

    /// About the authenticator app with this name, or this address.
    pub(crate) fn about(mut self, name: Option<&str>) -> Self {
        self.about = name.map(str::to_owned);
        self
    }

    /// With a choice of reasons.
    pub(crate) fn with_reasons(mut self, reasons: impl Iterator<Item = &'static str>) -> Self {
        self.reasons = reasons.collect();
        self
    }

    /// About this device.
    pub(crate) fn on_device(mut self, client: Value) -> Self {
        self.device = Some(client);
        self
    }
}

/// The form of an action that was sent.
pub(crate) struct SentAct {
    form: Form,
    /// `true` if it had the field for the password.
    has_proof: bool,
}

impl SentAct {
    pub(crate) fn new(fields: Option<&Fields>) -> Self {
        Self {
            form: fields.map(Form::from_fields).unwrap_or_default(),
            has_proof: fields.is_some_and(|fields| fields.contains("password")),
        }
    }

    /// Returns `true` if the form asked for the proof.
    pub(crate) fn has_proof(&self) -> bool {
        self.has_proof
    }

    /// The form with the problem, which is about the proof or can be corrected. `None` for any other problem.
    pub(crate) fn again(self, problem: &Problem) -> Option<Form> {
        let is_shown = matches!(
            problem.code,
            Code::ReauthenticationRequired
                | Code::InvalidCredentials
                | Code::WrongPassword
                | Code::InvalidCode
                | Code::TooManyAttempts
                | Code::ValidationFailed
                | Code::UsernameTaken
                | Code::EmailTaken
                | Code::LastAdmin
                | Code::Overloaded
                | Code::StoreUnavailable
        );
        is_shown.then(|| match (self.has_proof, problem.code) {
            // The page asks for it now.
            (false, Code::ReauthenticationRequired) => self.form,
            _ => self
                .form
                .with_errors(problem)
                .with_wrong_password_at("password"),
        })
    }
}

impl AdminCaller {
    /// The page that confirms an action on the user that a path names.
    pub(crate) async fn confirm(
        &self,
        named: &str,
        act: &AdminAct,
    ) -> Result<Html<String>, Problem> {
        let viewed = self.view(named).await?;
        Ok(self.confirmation(&viewed.user, act, &Form::default()).await)
    }

    /// The page that confirms an action on the user that a path names. Redirects to the page of a user for whom there is no such
    /// action now.
    pub(crate) async fn confirm_if(
        &self,
        named: &str,
        act: impl FnOnce(&User) -> Option<AdminAct>,
    ) -> Result<Response, Problem> {
        let user = self.view(named).await?.user;
        let Some(act) = act(&user) else {
            return Ok(see_other(&user_path(named)));
        };
        let page = self.confirmation(&user, &act, &Form::default()).await;
        Ok(page.into_response())
    }

    /// The page that confirms an action on a user.
    pub(crate) async fn confirmation(
        &self,
        user: &User,
        act: &AdminAct,
        form: &Form,
    ) -> Html<String> {
        let proof = self.proof_fields(act.requires_proof).await;
        let user_page = user_path(&user.id.to_string());
        let values = context! {
            act => act.name,
            action => format!("{user_page}/{}", act.page),
            field => act.field.map(|(name, value)| context! { name, value }),
            about => act.about.as_deref(),
            device => act.device.clone(),
            reasons => &act.reasons,
            user_page,
            subject => display_name(user),
            subject_login => sign_in_name(user).filter(|login| display_name(user) != Some(login)),
            days => self.doorward().policy().deletion_grace.as_hours() / 24,
            form => Value::from(form),
            ..proof
        };
        self.render(ConsoleSection::Users, "console/confirm", values)
    }

    /// What a template needs to ask for the proof of an action: not if none is required, or if the last one is recent and
    /// included the second factor if there is one.
    pub(crate) async fn proof_fields(&self, is_required: bool) -> Value {
        let is_required = is_required && !self.has_recorded_proof();
        let needs_code = match is_required {
            true => self.needs_code().await,
            false => Some(false),
        };
        let is_recent = self.doorward().reauthentication.has_recent_proof(&self.ctx);
        context! {
            asks_for_proof => is_required && (needs_code != Some(false) || !is_recent),
            needs_code,
            username => sign_in_name(self.session().user()),
        }
    }

    /// Like [`Self::rejected`], for a user who was read already: reading one is an audit event.
    pub(crate) async fn rejected_for(
        &self,
        user: &User,
        act: &AdminAct,
        sent: SentAct,
        problem: Problem,
    ) -> Problem {
        match sent.again(&problem) {
            Some(form) => problem.on_page(self.confirmation(user, act, &form).await),
            None => problem,
        }
    }

    /// The problem of an action. If it is about the proof or can be corrected, its page asks again.
    pub(crate) async fn rejected(
        &self,
        named: &str,
        act: impl FnOnce(&User) -> AdminAct,
        sent: SentAct,
        problem: Problem,
    ) -> Problem {
        let Some(form) = sent.again(&problem) else {
            return problem;
        };
        match self.view(named).await {
            Ok(viewed) => {
                let act = act(&viewed.user);
                problem.on_page(self.confirmation(&viewed.user, &act, &form).await)
            }
            Err(other) => other,
        }
    }
}
