//! The client that hands spans to their collector: one `POST`, within its time, or they are lost.
//!
//! The SDK calls it from a thread of its own; the work is done on the server's runtime. A collector that
//! is away is one line in the log, and another when it is back.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::lookup_host;
use tokio::runtime::Handle;
use tokio::task::JoinSet;
use tokio::time::timeout;

use crate::fetch::{self, Tls};

/// How long handing over may take, from the name to the answer.
const PATIENCE: Duration = Duration::from_secs(8);
/// How often a collector that stays away is spoken of.
const SAID_EVERY: Duration = Duration::from_secs(600);
/// More than an answer ever has.
const MAX_BODY: usize = 64 * 1024;

/// A collector of spans.
pub struct Collector {
    runtime: Handle,
    to: Arc<Address>,
    /// When it was said that it is away, while it is.
    away: Mutex<Option<Instant>>,
}

struct Address {
    host: String,
    port: u16,
    /// Host and port as the URL has them.
    authority: HeaderValue,
    tls: Option<Tls>,
}

impl Collector {
    /// At that URL; nobody is asked yet.
    pub fn at(url: &str) -> anyhow::Result<Self> {
        let uri: Uri = url.parse().context("`traces.endpoint`")?;
        let authority = uri.authority().context("`traces.endpoint` has no host")?;
        let is_https = uri.scheme_str() == Some("https");
        let default_port = if is_https { 443 } else { 80 };
        let to = Address {
            host: authority.host().to_owned(),
            port: authority.port_u16().unwrap_or(default_port),
            authority: HeaderValue::from_str(authority.as_str())?,
            tls: match is_https {
                true => Some(Tls::new()?),
                false => None,
            },
        };
        Ok(Self {
            runtime: Handle::current(),
            to: Arc::new(to),
            away: Mutex::default(),
        })
    }

    /// Says when the collector goes, now and then while it is away, and when it is back.
    fn heard(&self, answer: &anyhow::Result<Response<Bytes>>) {
        let fault = match answer {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("it answers {}", response.status())),
            Err(error) => Some(format!("{error:#}")),
        };
        let mut away = self.away.lock().unwrap_or_else(PoisonError::into_inner);
        match (fault, *away) {
            (None, None) => {}
            (None, Some(_)) => {
                *away = None;
                tracing::info!("traces are collected again");
            }
            (Some(_), Some(said_at)) if said_at.elapsed() < SAID_EVERY => {}
            (Some(error), _) => {
                *away = Some(Instant::now());
                tracing::warn!(
                    error,
                    "traces cannot be handed to `traces.endpoint`, and are lost until they can"
                );
            }
        }
    }
}

impl std::fmt::Debug for Collector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Collector").finish_non_exhaustive()
    }
}

#[async_trait]
impl HttpClient for Collector {
    async fn send_bytes(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let to = self.to.clone();
        let sending = async move { timeout(PATIENCE, to.hand_over(request)).await };
        let sending = self.runtime.spawn(sending);
        let answer = match sending.await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(anyhow::anyhow!("no answer within {} s", PATIENCE.as_secs())),
            Err(error) => Err(error.into()),
        };
        self.heard(&answer);
        Ok(answer?)
    }
}

impl Address {
    async fn hand_over(&self, request: Request<Bytes>) -> anyhow::Result<Response<Bytes>> {
        let host = self.host.trim_matches(['[', ']']);
        let mut addresses = lookup_host((host, self.port)).await?;
        let address = addresses.next().context("the host has no address")?;
        let stream = fetch::connect(address).await?;
        match &self.tls {
            Some(tls) => {
                let stream = tls.start(stream, &self.host).await?;
                self.post(stream, request).await
            }
            None => self.post(stream, request).await,
        }
    }

    async fn post(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        request: Request<Bytes>,
    ) -> anyhow::Result<Response<Bytes>> {
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // Ends with this set, whatever the other side does.
        let mut driver = JoinSet::new();
        driver.spawn(connection);
        let (mut parts, body) = request.into_parts();
        parts.uri = parts.uri.path().parse()?;
        parts.headers.insert(HOST, self.authority.clone());
        let agent = concat!("doorward/", env!("CARGO_PKG_VERSION"));
        parts
            .headers
            .insert(USER_AGENT, HeaderValue::from_static(agent));
        let request = Request::from_parts(parts, Full::new(body));
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, MAX_BODY).collect().await;
        let body = body.map_err(|error| anyhow::anyhow!("{error}"))?.to_bytes();
        Ok(Response::from_parts(head, body))
    }
}
