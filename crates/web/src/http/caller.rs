//! The client of a request, as the guard identified it. A handler takes it as an argument.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Html;
use doorward_domain::access::Action;
use doorward_domain::error::chain;
use doorward_domain::model::Node;
use doorward_domain::reauthentication::Reauthenticated;
use doorward_domain::sessions::{Authenticated, SignedIn};
use doorward_domain::sign_in::Proof;
use doorward_domain::values::{Locale, Secret};
use doorward_domain::{Actor, Ctx, Doorward, Error};
use minijinja::Value;

use crate::app::App;
use crate::html::Reader;
use crate::http::origins::Origins;
use crate::http::problem::Problem;

/// The client of a request, with what a handler needs to answer it.
#[derive(Clone)]
pub(crate) struct Caller(pub(super) Arc<CallerInner>);

/// What the guard knows about the client.
#[derive(Clone)]
pub(crate) struct CallerInner {
    /// The program.
    pub(crate) app: App,
    /// The context of the request.
    pub(crate) ctx: Ctx,
    /// `true` if the session token was sent as the cookie.
    pub(crate) uses_cookie: bool,
    pub(super) authenticated: Option<Authenticated>,
    pub(super) token: Option<Secret<String>>,
    /// The session after a proof, whose new token the response sets as the cookie.
    pub(super) proved: Arc<OnceLock<SignedIn>>,
    pub(super) device: Option<Secret<String>>,
    /// The page of the request.
    pub(super) page: Option<String>,
    /// The rejection of a request over its rate limit whose form is shown again. `Fields` fail with it.
    pub(super) over_limit: Option<Problem>,
}

impl Deref for Caller {
    type Target = CallerInner;

    fn deref(&self) -> &CallerInner {
        &self.0
    }
}

impl Caller {
    /// The services.
    pub(crate) fn doorward(&self) -> &Arc<Doorward> {
        &self.app.doorward
    }

    /// Renders the template `templates/NAME.html` in the language of this caller.
    pub(crate) fn render(&self, name: &str, values: Value) -> Html<String> {
        self.app.pages.render(self.reader(), name, values)
    }

    /// Returns `true` if this client reaches the console, if the user is an admin.
    pub(crate) fn is_console_open(&self) -> bool {
        let console = &self.app.options.console;
        console.is_open_to(self.ctx.client.address)
    }

    /// Returns `true` if this process has written the record of this node.
    pub(crate) fn is_answered_by(&self, node: &Node) -> bool {
        let own = self.app.node.as_ref();
        own.is_some_and(|own| own.key() == node.key())
    }

    /// Origins that `return_to` may lead to.
    pub(crate) fn return_origins(&self) -> &Origins {
        &self.app.options.return_origins
    }

    /// The same request, by another actor.
    pub(crate) fn acting_as(&self, actor: Actor) -> Self {
        let mut inner = CallerInner::clone(self);
        inner.ctx = self.ctx.acting_as(actor);
        Self(Arc::new(inner))
    }

    /// Fails unless the actor may do this to others, and audits a forbidden attempt.
    pub(crate) async fn authorize(&self, action: Action) -> Result<(), Error> {
        self.doorward().authorize(&self.ctx, action).await
    }

    /// The context of this request, with its proof ([`Self::prove`]).
    pub(crate) async fn reauthenticate(
        &self,
        action: Action,
        user: &str,
        proof: Option<Proof>,
    ) -> Result<Ctx, Error> {
        Ok(self.prove(action, user, proof).await?.ctx)
    }

    /// This request with its proof. The session of a browser records the proof, so that it counts for the next actions as
    /// well, and has a new token: the old one may have been copied (S-02). For a client without the cookie, a proof counts for
    /// its request.
    pub(crate) async fn prove(
        &self,
        action: Action,
        user: &str,
        proof: Option<Proof>,
    ) -> Result<Reauthenticated, Error> {
        let (reauthentication, proof) = (&self.doorward().reauthentication, proof.as_ref());
        let mut proved = reauthentication
            .reauthenticate(&self.ctx, action, user, proof)
            .await?;
        let methods = proved.recordable.take();
        if let (Some(methods), Some(token), true) = (methods, &self.token, self.uses_cookie) {
            let renewal = &self.doorward().renewal;
            match renewal
                .record_proof(&self.ctx, token.expose(), methods)
                .await
            {
                // No handler verifies two proofs.
                Ok(session) => drop(self.proved.set(session)),
                // The proof counts for this request. The browser keeps its old token, which is invalid if the write was applied.
                Err(error) => {
                    tracing::warn!(error = %chain(&error), "failed to record a proof in its session");
                }
            }
        }
        Ok(proved)
    }

    /// Returns `true` if this request had a proof that counts for the next ones as well.
    pub(crate) fn has_recorded_proof(&self) -> bool {
        self.proved.get().is_some()
    }

    /// The language of the pages that are sent to this caller.
    pub(crate) fn locale(&self) -> Locale {
        self.ctx.client.locale
    }

    /// The reader of pages that are sent to this caller.
    pub(crate) fn reader(&self) -> Reader<'_> {
        Reader {
            locale: self.locale(),
            here: self.page.as_deref(),
        }
    }

    /// The session, if there is one.
    pub(crate) fn session(&self) -> Option<&Authenticated> {
        self.authenticated.as_ref()
    }

    /// The session of a route that requires one.
    pub(crate) fn require_session(&self) -> Result<&Authenticated, Problem> {
        self.session()
            .ok_or_else(|| Error::AuthenticationRequired.into())
    }

    /// The session token.
    pub(crate) fn token(&self) -> Result<&str, Problem> {
        let token = self.token.as_ref().ok_or(Error::AuthenticationRequired)?;
        Ok(token.expose())
    }

    /// The value of the device cookie, not verified.
    pub(crate) fn device(&self) -> Option<&str> {
        self.device.as_ref().map(|text| text.expose().as_str())
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Error::Internal("a handler runs without its guard").into())
    }
}
