//! Sends spans to their collector, one `POST` for each batch. Spans that cannot be sent are dropped.
//!
//! The SDK calls it from a separate thread; the request runs on the server's runtime. A failure is logged once,
//! and so is the recovery.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::Context;
use async_trait::async_trait;
use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use hyper::{Request, Response};
use opentelemetry_http::{Bytes, HttpClient, HttpError};
use tokio::runtime::Handle;

use crate::fetch::HttpsClient;

/// Time limit of a request.
pub const TIMEOUT: Duration = Duration::from_secs(8);
/// Interval of log messages while the collector is unavailable.
const LOG_INTERVAL: Duration = Duration::from_secs(600);

/// A collector of spans.
pub struct Collector {
    runtime: Handle,
    client: HttpsClient,
    /// Headers of every request; may contain a key.
    headers: HeaderMap,
    /// Time of the last log message, while the collector is unavailable.
    unavailable: Mutex<Option<Instant>>,
}

/// A message to log.
#[derive(Debug, PartialEq, Eq)]
enum CollectorChange {
    Unavailable(String),
    Available,
}

impl Collector {
    /// Creates the client; sends nothing yet.
    pub fn new(url: &str, headers: HeaderMap) -> anyhow::Result<Self> {
        let client = match url.starts_with("https:") {
            true => {
                HttpsClient::new().context("cannot verify the trace collector's certificate")?
            }
            false => HttpsClient::for_this_machine()?,
        };
        Ok(Self {
            runtime: Handle::current(),
            client,
            headers,
            unavailable: Mutex::default(),
        })
    }

    /// Returns what to log: that the collector has become unavailable or still is, or that it is available again.
    fn change(
        &self,
        response: &anyhow::Result<Response<Bytes>>,
        now: Instant,
    ) -> Option<CollectorChange> {
        let error = match response {
            Ok(response) if response.status().is_success() => None,
            Ok(response) => Some(format!("status {}", response.status())),
            Err(error) => Some(format!("{error:#}")),
        };
        let mut unavailable = self
            .unavailable
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match (error, *unavailable) {
            (None, None) => None,
            (None, Some(_)) => {
                *unavailable = None;
                Some(CollectorChange::Available)
            }
            (Some(_), Some(logged_at)) if now.duration_since(logged_at) < LOG_INTERVAL => None,
            (Some(error), _) => {
                *unavailable = Some(now);
                Some(CollectorChange::Unavailable(error))
            }
        }
    }

    /// Replaces the headers of the SDK, which it takes from the environment, by those of the configuration.
    fn with_headers(&self, mut request: Request<Bytes>) -> Request<Bytes> {
        let mut headers = self.headers.clone();
        for name in [CONTENT_TYPE, CONTENT_ENCODING] {
            if let Some(value) = request.headers_mut().remove(&name) {
                headers.insert(name, value);
            }
        }
        *request.headers_mut() = headers;
        request
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
        let (client, request) = (self.client.clone(), self.with_headers(request));
        let sending = self
            .runtime
            .spawn(async move { client.send(request).await });
        let response = match sending.await {
            Ok(response) => response,
            Err(error) => Err(error.into()),
        };
        match self.change(&response, Instant::now()) {
            Some(CollectorChange::Available) => tracing::info!("trace collector available again"),
            Some(CollectorChange::Unavailable(error)) => tracing::warn!(
                error,
                "trace collector unavailable; spans are dropped. Check `traces.endpoint` or `traces.url`"
            ),
            None => {}
        }
        Ok(response?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn collector(headers: &str) -> Collector {
        let headers = crate::config::otlp_headers(headers).unwrap();
        Collector::new("http://collector.example:4318/v1/traces", headers).unwrap()
    }

    #[tokio::test]
    async fn an_unavailable_collector_is_logged_every_ten_minutes() {
        let collector = collector("");
        let start = Instant::now();
        let answered = |status: u16| {
            let answer = Response::builder().status(status).body(Bytes::new());
            Ok(answer.unwrap())
        };
        let unavailable = |text: &str| Some(CollectorChange::Unavailable(text.to_owned()));
        let status = "status 503 Service Unavailable";
        for (seconds, response, logged) in [
            (0, answered(200), None),
            (1, answered(503), unavailable(status)),
            (2, answered(503), None),
            (600, Err(anyhow::anyhow!("refused")), None),
            (601, Err(anyhow::anyhow!("refused")), unavailable("refused")),
            (602, answered(503), None),
            (603, answered(202), Some(CollectorChange::Available)),
            (604, answered(200), None),
            (605, answered(503), unavailable(status)),
        ] {
            let change = collector.change(&response, start + Duration::from_secs(seconds));
            assert_eq!(change, logged, "after {seconds} s");
        }
    }

    /// Headers from the environment are not sent.
    #[tokio::test]
    async fn the_headers_are_those_of_the_configuration() {
        let collector = collector("api-key=a%20b%2Cc, x=1");
        let request = Request::post("http://collector.example:4318/v1/traces")
            .header("content-type", "application/x-protobuf")
            .header("api-key", "of the environment")
            .header("x-more", "of the environment")
            .body(Bytes::new());
        let request = collector.with_headers(request.unwrap());
        let mut headers: Vec<_> = request
            .headers()
            .iter()
            .map(|(name, value)| (name.as_str(), value.to_str().unwrap()))
            .collect();
        headers.sort_unstable();
        let expected = [
            ("api-key", "a b,c"),
            ("content-type", "application/x-protobuf"),
            ("x", "1"),
        ];
        assert_eq!(headers, expected);
        assert_eq!(request.uri(), "http://collector.example:4318/v1/traces");
        assert!(!format!("{request:?}").contains("a b,c"));
    }
}
