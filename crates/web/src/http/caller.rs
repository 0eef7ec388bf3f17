//! The client of a request, as the guard identified it. A handler takes it as an argument.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use doorward_domain::sessions::Authenticated;
use doorward_domain::values::{Locale, Secret};
use doorward_domain::{Ctx, Error};

use crate::http::problem::Problem;

/// The client of a request, for handlers.
#[derive(Clone)]
pub(crate) struct Caller(Arc<CallerInner>);

/// What the guard knows about the client.
pub(super) struct CallerInner {
    pub(super) ctx: Ctx,
    pub(super) authenticated: Option<Authenticated>,
    pub(super) token: Option<Secret<String>>,
    pub(super) wants_html: bool,
    pub(super) by_cookie: bool,
    pub(super) device: Option<Secret<String>>,
}

impl From<CallerInner> for Caller {
    fn from(inner: CallerInner) -> Self {
        Self(Arc::new(inner))
    }
}

impl Caller {
    /// The language of the pages that are sent to this caller.
    pub(crate) fn locale(&self) -> Locale {
        self.0.ctx.client.locale
    }

    /// The context of the request.
    pub(crate) fn ctx(&self) -> &Ctx {
        &self.0.ctx
    }

    /// The session, if there is one.
    pub(crate) fn session(&self) -> Option<&Authenticated> {
        self.0.authenticated.as_ref()
    }

    /// The session of a route that requires one.
    pub(crate) fn require_session(&self) -> Result<&Authenticated, Problem> {
        self.session()
            .ok_or_else(|| Error::AuthenticationRequired.into())
    }

    /// The session token.
    pub(crate) fn token(&self) -> Result<&str, Problem> {
        let token = self.0.token.as_ref().ok_or(Error::AuthenticationRequired)?;
        Ok(token.expose())
    }

    /// Returns `true` if the token was sent as the cookie.
    pub(crate) fn by_cookie(&self) -> bool {
        self.0.by_cookie
    }

    /// The value of the device cookie, not verified.
    pub(crate) fn device(&self) -> Option<&str> {
        self.0.device.as_ref().map(|text| text.expose().as_str())
    }

    /// Returns `true` if the client prefers a page to JSON.
    pub(crate) fn wants_html(&self) -> bool {
        self.0.wants_html
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Caller {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let caller = parts.extensions.get::<Self>().cloned();
        caller.ok_or_else(|| Error::Internal("a handler runs without its guard").into())
    }
}
