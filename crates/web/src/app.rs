//! Shared state of the handlers, and the components that the binary passes in.

use std::ops::Deref;
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::HeaderValue;
use doorward_domain::Accounts;
use doorward_domain::ports::Secrets;
use tokio::sync::Semaphore;

use crate::api::operations::health::Stopping;
use crate::host::is_loopback_url;
use crate::inbox::InboxSource;
use crate::limits::MAX_CHANGING;
use crate::observer::Observer;
use crate::origins::{Origins, origin_of};
use crate::pages::Pages;
use crate::plain_http::WarnOnce;
use crate::trusted_proxies::{ProxyWarning, TrustedProxies};

/// Components that [`App::new`] needs.
pub struct AppParts {
    /// The service.
    pub accounts: Arc<Accounts>,
    /// Source of request ids.
    pub secrets: Arc<dyn Secrets>,
    /// The built-in inbox; `None` if mail is delivered elsewhere.
    pub inbox: Option<Arc<dyn InboxSource>>,
    /// Proxies that may send the client's address.
    pub trusted_proxies: TrustedProxies,
    /// Operator's settings of the web layer.
    pub choices: Choices,
    /// Set before the server stops.
    pub stopping: Stopping,
    /// Receives every request.
    pub observer: Arc<dyn Observer>,
}

/// Settings of the web layer, each with a safe default.
#[derive(Debug, Clone, Default)]
pub struct Choices {
    /// Origins whose scripts may read responses, with a bearer token.
    pub cors_origins: Origins,
    /// Origins that `return_to` may lead to, in addition to this server.
    pub return_origins: Origins,
    /// Whether writes require `If-Match`.
    pub if_match: IfMatchRule,
}

/// Rule for `If-Match`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum IfMatchRule {
    /// `If-Match` is checked if it is sent.
    #[default]
    Optional,
    /// A write without `If-Match` is rejected with 428.
    Required,
}

/// The state of the router: cheap to clone.
#[derive(Clone)]
pub struct App(Arc<AppState>);

/// Contents of [`App`].
pub struct AppState {
    /// The service.
    pub accounts: Arc<Accounts>,
    secrets: Arc<dyn Secrets>,
    pub(crate) inbox: Option<Arc<dyn InboxSource>>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) missing_client_warning: ProxyWarning,
    pub(crate) untrusted_proxy_warning: ProxyWarning,
    pub(crate) stopping: Stopping,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) pages: Pages,
    pub(crate) choices: Choices,
    pub(crate) plain_http_warning: WarnOnce,
    /// Permits of requests that run to their end even if the client disconnects.
    pub(crate) changing: Arc<Semaphore>,
    /// `Content-Security-Policy` of pages.
    pub(crate) page_policy: HeaderValue,
    /// Origin of the public URL, as browsers send it in `Origin`.
    pub(crate) origin: String,
    /// Whether to send HSTS: `true` if the public URL is HTTPS and not a loopback host. HSTS applies to all ports,
    /// so it would break other servers on a developer's `localhost`.
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

    /// Waits until all requests that may outlive their client have ended.
    pub async fn settled(&self) {
        let all = u32::try_from(MAX_CHANGING).unwrap_or(u32::MAX);
        // The semaphore is never closed, so this cannot fail.
        drop(self.changing.acquire_many(all).await);
    }

    /// The documents, built at the first request. That takes several megabytes, which an idle server does not need.
    ///
    /// glibc gives each thread its own heap and returns memory from the end of a heap only. So a thread builds the
    /// documents, and only their text is copied out of its heap.
    pub(crate) fn documents(&self) -> &Documents {
        self.documents.get_or_init(|| {
            let build = || {
                let document = crate::openapi::document(&self.accounts.policy().public_url);
                (self.pages.docs(&document), document.to_string())
            };
            let built = std::thread::scope(|scope| scope.spawn(build).join());
            let (docs, openapi) = built.expect("the document is tested");
            Documents {
                docs: Bytes::copy_from_slice(docs.as_bytes()),
                openapi: Bytes::copy_from_slice(openapi.as_bytes()),
            }
        })
    }

    /// Creates the state of the router.
    pub fn new(parts: AppParts) -> Self {
        let public_url = &parts.accounts.policy().public_url;
        let pages = Pages::new(parts.accounts.policy().password_rules.min_length);
        Self(Arc::new(AppState {
            origin: origin_of(public_url),
            page_policy: page_policy(&parts.choices.return_origins),
            plain_http_warning: WarnOnce::default(),
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
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.0
    }
}

/// The `Content-Security-Policy` of pages (W-01). Browsers apply `form-action` to redirects after a form, too.
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
