//! The metrics listener: `GET /metrics` and nothing else, on a separate address.
//!
//! It has few connections, short headers, one response per connection, and a time limit for the whole connection.
//! Its responses have the headers of all responses (H-11).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::scrape::MetricsEndpoint;
use crate::listener::is_connection_error;

/// Maximum number of connections. More are closed at once.
const MAX_CONNECTIONS: usize = 16;
/// The time limit for the header of a request.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// The time limit for a whole connection. Prometheus waits 10 seconds by default.
const CONNECTION_TIMEOUT: Duration = Duration::from_secs(15);
/// The largest header block, in bytes.
const MAX_HEADER_BYTES: usize = 16 * 1024;
/// Pause after a failed `accept`.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// The Prometheus text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// Serves metrics. Dropping it closes all connections.
pub async fn serve(listener: TcpListener, endpoint: MetricsEndpoint) {
    let endpoint = Arc::new(endpoint);
    let slots = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let mut connections = JoinSet::new();
    loop {
        match listener.accept().await {
            Ok((stream, _)) => {
                let (slot, endpoint) = (slots.clone().try_acquire_owned(), endpoint.clone());
                if let Ok(slot) = slot {
                    connections.spawn(async move {
                        serve_connection(stream, endpoint).await;
                        drop(slot);
                    });
                }
            }
            Err(error) => {
                tracing::debug!(%error, "metrics listener: cannot accept a connection");
                if !is_connection_error(&error) {
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve_connection(stream: TcpStream, endpoint: Arc<MetricsEndpoint>) {
    let service = service_fn(move |request| {
        let endpoint = endpoint.clone();
        async move { Ok::<_, Infallible>(respond(&endpoint, &request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .keep_alive(false)
        .header_read_timeout(HEADER_TIMEOUT)
        .max_buf_size(MAX_HEADER_BYTES)
        .serve_connection(TokioIo::new(stream), service);
    if let Ok(Err(error)) = timeout(CONNECTION_TIMEOUT, connection).await {
        tracing::debug!(%error, "metrics listener: connection error");
    }
}

async fn respond(endpoint: &MetricsEndpoint, request: &Request<Incoming>) -> Response<Full<Bytes>> {
    let is_get = matches!(*request.method(), Method::GET | Method::HEAD);
    let (status, text) = match (request.uri().path(), is_get) {
        ("/metrics", true) => (StatusCode::OK, endpoint.text().await),
        ("/metrics", false) => (StatusCode::METHOD_NOT_ALLOWED, "only GET\n".to_owned()),
        _ => (
            StatusCode::NOT_FOUND,
            "metrics are at /metrics\n".to_owned(),
        ),
    };
    let mut response = Response::new(Full::new(Bytes::from(text)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(TEXT_FORMAT));
    doorward_web::set_default_headers(headers);
    if status == StatusCode::METHOD_NOT_ALLOWED {
        headers.insert(ALLOW, HeaderValue::from_static("GET, HEAD"));
    }
    response
}
