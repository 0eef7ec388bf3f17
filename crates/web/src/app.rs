//! Shared state of the handlers, and the components that the binary passes in. Imports neither features nor the
//! router.

use std::net::IpAddr;
use std::ops::Deref;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use axum::body::Bytes;
use axum::http::HeaderValue;
use doorward_domain::Doorward;
use doorward_domain::clock::RandomSource;
use doorward_domain::diagnostics::Diagnostic;
use doorward_domain::model::Node;
use doorward_domain::values::{Digest, Locale};
use futures_util::future::BoxFuture;
use tokio::sync::Semaphore;

use crate::html::Pages;
use crate::html::brand::{Brand, BrandSettings};
use crate::html::texts::Texts;
use crate::http::host::is_loopback_url;
use crate::http::networks::Networks;
use crate::http::observer::RequestObserver;
use crate::http::origins::{Origins, origin_of};
use crate::http::route_index::RouteIndex;
use crate::http::trusted_proxies::{ProxyWarning, TrustedProxies};
use crate::inbox_source::InboxSource;

/// Maximum number of requests other than GET and HEAD that run to their end after their clients have disconnected.
const MAX_IN_FLIGHT_WRITES: usize = 2048;

/// Components that [`App::new`] needs.
pub struct AppParts {
    /// The service.
    pub doorward: Arc<Doorward>,
    /// Source of request ids.
    pub random: Arc<dyn RandomSource>,
    /// The built-in inbox; `None` if mail is delivered elsewhere.
    pub inbox: Option<Arc<dyn InboxSource>>,
    /// Proxies that may send the client's address.
    pub trusted_proxies: TrustedProxies,
    /// The operator's brand.
    pub brand: Brand,
    /// Texts of pages.
    pub texts: Texts,
    /// Operator's settings of the web layer.
    pub options: WebOptions,
    /// Set before the server stops.
    pub shutdown: ShutdownFlag,
    /// Receives every request.
    pub observer: Arc<dyn RequestObserver>,
    /// The checks of `doorward doctor`, for the console; `None` where they cannot run.
    pub diagnose: Option<Diagnose>,
    /// This process in the list of nodes; `None` if it does not report.
    pub node: Option<Node>,
}

/// Runs checks of the installation, and returns one diagnostic for each.
pub type Diagnose = Arc<dyn Fn() -> BoxFuture<'static, Vec<Diagnostic>> + Send + Sync>;

/// Settings of the web layer, each with a safe default.
#[derive(Debug, Clone, Default)]
pub struct WebOptions {
    /// Origins whose scripts may read responses, with a bearer token.
    pub cors_origins: Origins,
    /// Origins that `return_to` may lead to, in addition to this server.
    pub return_origins: Origins,
    /// Digest of the key that opens the built-in inbox, for clients on any machine. `None`: it is open to clients on
    /// this machine.
    pub inbox_key: Option<Digest>,
    /// Name, colours, logos and links of pages.
    pub brand: BrandSettings,
    /// Folder with texts that replace built-in ones of pages.
    pub texts: Option<PathBuf>,
    /// Language for clients that prefer none with texts.
    pub language: Locale,
    /// Rule for `If-Match`.
    pub if_match: IfMatchRule,
    /// Who reaches the console.
    pub console: ConsoleOptions,
    /// All settings of the server, as the console shows them.
    pub settings: Vec<ShownSetting>,
}

/// A setting, as the console shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShownSetting {
    /// The key in the configuration file.
    pub key: &'static str,
    /// What it is for, in English.
    pub help: &'static str,
    /// The value; a secret is masked.
    pub value: String,
    /// Where the value is set; `None` if nowhere.
    pub origin: Option<String>,
    /// `true` if the value is not the default.
    pub is_changed: bool,
}

/// Who reaches the console. For all other clients its pages do not exist.
#[derive(Debug, Clone)]
pub struct ConsoleOptions {
    /// `false`: no one.
    pub enabled: bool,
    /// Networks of the clients that reach it; if there is none, all do.
    pub networks: Networks,
}

impl Default for ConsoleOptions {
    fn default() -> Self {
        Self {
            enabled: true,
            networks: Networks::default(),
        }
    }
}

impl ConsoleOptions {
    /// Returns `true` if a client at this address reaches it. A client whose address is not known is in no network.
    pub(crate) fn is_open_to(&self, client: Option<IpAddr>) -> bool {
        let is_in_network = || client.is_some_and(|address| self.networks.contains(address));
        self.enabled && (self.networks.is_empty() || is_in_network())
    }
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

/// Set before the server stops, so that load balancers stop sending requests while they are still served.
#[derive(Debug, Clone, Default)]
pub struct ShutdownFlag(Arc<AtomicBool>);

impl ShutdownFlag {
    /// Starts the shutdown.
    pub fn set(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Returns `true` if the shutdown has begun.
    pub(crate) fn is_set(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The state of the router: cheap to clone.
#[derive(Clone)]
pub struct App(Arc<AppState>);

/// Contents of [`App`].
pub struct AppState {
    /// The service.
    pub doorward: Arc<Doorward>,
    pub(crate) random: Arc<dyn RandomSource>,
    pub(crate) inbox: Option<Arc<dyn InboxSource>>,
    pub(crate) trusted_proxies: TrustedProxies,
    pub(crate) missing_client_warning: ProxyWarning,
    pub(crate) untrusted_proxy_warning: ProxyWarning,
    pub(crate) shutdown: ShutdownFlag,
    pub(crate) observer: Arc<dyn RequestObserver>,
    pub(crate) diagnose: Option<Diagnose>,
    pub(crate) node: Option<Node>,
    pub(crate) pages: Pages,
    pub(crate) brand: Brand,
    pub(crate) options: WebOptions,
    /// The rows of the routes, set by the router.
    pub(crate) routes: OnceLock<RouteIndex>,
    pub(crate) documents: OnceLock<Documents>,
    pub(crate) has_warned_of_plain_http: AtomicBool,
    pub(crate) has_warned_of_inbox: AtomicBool,
    /// Permits of requests that run to their end even if the client disconnects.
    pub(crate) in_flight_writes: Arc<Semaphore>,
    /// `Content-Security-Policy` of pages.
    pub(crate) page_policy: HeaderValue,
    /// Origin of the public URL, as browsers send it in `Origin`.
    pub(crate) origin: String,
    /// `true` if responses have HSTS: the public URL is HTTPS and not a loopback host. HSTS applies to all ports, so it
    /// would break other servers on a developer's `localhost`.
    pub(crate) has_hsts: bool,
}

/// The OpenAPI document and the page that shows it.
pub(crate) struct Documents {
    pub(crate) openapi: Bytes,
    pub(crate) docs: Bytes,
}

impl App {
    /// Waits until all requests that may outlive their client have ended.
    pub async fn wait_for_writes(&self) {
        let all = u32::try_from(MAX_IN_FLIGHT_WRITES).unwrap_or(u32::MAX);
        // The semaphore is never closed, so this cannot fail.
        drop(self.in_flight_writes.acquire_many(all).await);
    }

    /// Creates the state of the router.
    pub fn new(parts: AppParts) -> Self {
        let public_url = &parts.doorward.policy().public_url;
        let has_inbox = parts.inbox.is_some();
        let policy = parts.doorward.policy();
        let pages = Pages::new(policy, &parts.brand, parts.texts, has_inbox);
        Self(Arc::new(AppState {
            origin: origin_of(public_url),
            page_policy: page_policy(&origin_of(public_url), &parts.options.return_origins),
            routes: OnceLock::new(),
            documents: OnceLock::new(),
            has_warned_of_plain_http: AtomicBool::new(false),
            has_warned_of_inbox: AtomicBool::new(false),
            in_flight_writes: Arc::new(Semaphore::new(MAX_IN_FLIGHT_WRITES)),
            options: parts.options,
            has_hsts: public_url.starts_with("https://") && !is_loopback_url(public_url),
            pages,
            brand: parts.brand,
            doorward: parts.doorward,
            random: parts.random,
            trusted_proxies: parts.trusted_proxies,
            missing_client_warning: ProxyWarning::default(),
            untrusted_proxy_warning: ProxyWarning::default(),
            inbox: parts.inbox,
            shutdown: parts.shutdown,
            observer: parts.observer,
            diagnose: parts.diagnose,
            node: parts.node,
        }))
    }
}

impl Deref for App {
    type Target = AppState;

    fn deref(&self) -> &AppState {
        &self.0
    }
}

/// The `Content-Security-Policy` of pages (W-01). Browsers apply `form-action` to redirects after a form, too. The script needs
/// no policy of Trusted Types.
fn page_policy(public_origin: &str, return_origins: &Origins) -> HeaderValue {
    let mut targets = String::from("'self'");
    for origin in [public_origin].into_iter().chain(return_origins.iter()) {
        targets.push(' ');
        targets.push_str(origin);
    }
    let policy = format!(
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; form-action {targets}; base-uri 'none'; object-src 'none'; frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'"
    );
    HeaderValue::from_str(&policy).expect("an origin is ASCII without spaces")
}
