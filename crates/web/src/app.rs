//! What every handler shares, and what the binary hands in.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::HeaderValue;
use doorward_domain::Accounts;
use doorward_domain::ports::Secrets;
use tokio::sync::Semaphore;

use crate::api::operations::health::Stopping;
use crate::host::is_loopback_url;
use crate::inbox::Inbox;
use crate::limits::MAX_CHANGING;
use crate::observer::Observer;
use crate::origins::{Origins, origin_of};
use crate::pages::Pages;
use crate::plain_http::Told;
use crate::trusted_proxies::{ProxyWarning, TrustedProxies};

/// What the web part needs beside the accounts.
pub struct AppParts {
    /// The service.
    pub accounts: Arc<Accounts>,
    /// For request ids.
    pub secrets: Arc<dyn Secrets>,
    /// The built-in inbox, where mail stays on this machine.
    pub inbox: Option<Arc<dyn Inbox>>,
    /// Whose word on the client's address is believed.
    pub trusted_proxies: TrustedProxies,
    /// What the operator chose about the web alone.
    pub choices: Choices,
    /// Told before the server stops.
    pub stopping: Stopping,
    /// Told of every request.
    pub observer: Arc<dyn Observer>,
}

/// What an operator chooses about the web alone, each with a safe default.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Whose scripts may read answers, with a bearer token.
    pub cors_origins: Origins,
    /// Where people may be sent on to, beside our own paths.
    pub return_origins: Origins,
    /// Whether a write must say which version it is of.
    pub if_match: IfMatchRule,
}

/// Whether `If-Match` is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IfMatchRule {
    /// Who sends it is held to it.
    #[default]
    Optional,
    /// Who does not send it is told to (428).
    Required,
}

/// The state of the router: cheap to clone.
#[derive(Clone)]
pub struct App(Arc<Inner>);

/// Behind [`App`].
pub struct Inner {
    /// The service.
    pub accounts: Arc<Accounts>,
    secrets: Arc<dyn Secrets>,
    pub(crate) inbox: Option<Arc<dyn Inbox>>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) missing_client_warning: ProxyWarning,
    pub(crate) untrusted_proxy_warning: ProxyWarning,
    pub(crate) stopping: Stopping,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) pages: Pages,
    pub(crate) choices: Choices,
    pub(crate) plain_http: Told,
    /// For requests that may change something, whether their clients still wait or not.
    pub(crate) changing: Arc<Semaphore>,
    /// What a page may load, and where its forms may lead.
    pub(crate) page_policy: HeaderValue,
    /// The origin of the public URL, which a browser names in `Origin`.
    pub(crate) origin: String,
    /// Whether people reach the server by HTTPS, and their browsers shall never use HTTP there. Not
    /// on `localhost`: what else a developer runs there, on whatever port, would no longer be reached.
    pub(crate) has_hsts: bool,
    documents: OnceLock<Documents>,
}

/// The OpenAPI document, and the page that shows it.
pub(crate) struct Documents {
    pub(crate) openapi: Bytes,
    pub(crate) docs: Bytes,
}

impl App {
    /// Returns a random request id of 128 bits. A sequential one would reveal how many requests other
    /// clients send.
    pub(crate) fn new_request_id(&self) -> String {
        let mut bytes = [0; 16];
        self.secrets.fill(&mut bytes);
        format!("{:032x}", u128::from_be_bytes(bytes))
    }

    /// Waits until nothing goes on any more that may change something, whether its client waits or not.
    pub async fn settled(&self) {
        let all = u32::try_from(MAX_CHANGING).unwrap_or(u32::MAX);
        // It is never closed, which is all that could go wrong.
        drop(self.changing.acquire_many(all).await);
    }

    /// The documents, built at the first request: this takes several megabytes, which an idle server does not need.
    pub(crate) fn documents(&self) -> &Documents {
        self.documents.get_or_init(|| {
            let document = crate::openapi::document(&self.accounts.policy().public_url);
            Documents {
                docs: self.pages.docs(&document).into(),
                openapi: document.to_string().into(),
            }
        })
    }

    /// Puts the parts together.
    pub fn new(parts: AppParts) -> Self {
        let public_url = &parts.accounts.policy().public_url;
        let pages = Pages::new(parts.accounts.policy().password_rules.min_length);
        Self(Arc::new(Inner {
            origin: origin_of(public_url),
            page_policy: page_policy(&parts.choices.return_origins),
            plain_http: Told::default(),
            changing: Arc::new(Semaphore::new(MAX_CHANGING)),
            choices: parts.choices,
            has_hsts: public_url.starts_with("https://") && !is_loopback_url(public_url),
            documents: OnceLock::new(),
            pages,
            accounts: parts.accounts,
            secrets: parts.secrets,
            trusted_proxies: parts.trusted_proxies,
            missing_client_warning: ProxyWarning::default(),
            untrusted_proxy_warning: ProxyWarning::default(),
            inbox: parts.inbox,
            stopping: parts.stopping,
            observer: parts.observer,
        }))
    }
}

impl Deref for App {
    type Target = Inner;

    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// The policy of pages (W-01). Browsers hold a form to it past the redirect that follows.
fn page_policy(return_origins: &Origins) -> HeaderValue {
    let mut places = String::from("'self'");
    for origin in return_origins.iter() {
        places.push(' ');
        places.push_str(origin);
    }
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; form-action {places}; base-uri 'none'; object-src 'none'; frame-ancestors 'none'"
    );
    HeaderValue::from_str(&policy).expect("an origin is ASCII without spaces")
}
