//! The client of a request, as the guard identified it. A handler takes it as an argument.

use std::ops::Deref;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use doorward_domain::sessions::Authenticated;
use doorward_domain::values::{Locale, Secret};
use doorward_domain::{Ctx, Error};

use crate::http::problem::Problem;

/// The client of a request, for handlers.
#[derive(Clone)]
pub(crate) struct Caller(pub(super) Arc<CallerInner>);

/// What the guard knows about the client.
pub(crate) struct CallerInner {
    /// The context of the request.
    pub(crate) ctx: Ctx,
    /// `true` if the session token was sent as the cookie.
    pub(crate) uses_cookie: bool,
    pub(super) authenticated: Option<Authenticated>,
    pub(super) token: Option<Secret<String>>,
    pub(super) device: Option<Secret<String>>,
}

impl Deref for Caller {
    type Target = CallerInner;

    fn deref(&self) -> &CallerInner {
        &self.0
    }
}

impl Caller {
    /// The language of the pages that are sent to this caller.
    pub(crate) fn locale(&self) -> Locale {
        self.ctx.client.locale
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
