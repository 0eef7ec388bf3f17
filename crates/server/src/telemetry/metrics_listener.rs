//! The metrics listener: `GET /metrics` and nothing else, on a separate address.
//!
//! It is a [`Listener`] like that of the service, with few connections. Its responses have the headers of all
//! responses (H-11).

use std::sync::Arc;

use axum::Router;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::get;
use doorward_web::TrustedProxies;
use tokio::net::TcpListener;

use super::scrape::MetricsEndpoint;
use crate::listener::{ConnectionLimits, Listener, SocketOwner};

/// Maximum number of connections. More are closed at once.
const MAX_CONNECTIONS: usize = 16;
/// The Prometheus text format.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

/// The listener on this socket.
pub fn listener(socket: TcpListener) -> Listener {
    Listener {
        sockets: vec![socket],
        owner: SocketOwner::Process,
        tls: None,
        limits: ConnectionLimits {
            connections: MAX_CONNECTIONS,
            connections_per_address: MAX_CONNECTIONS,
            trusted_proxies: TrustedProxies::default(),
        },
        observer: None,
    }
}

/// Its only route.
pub fn router(endpoint: MetricsEndpoint) -> Router {
    let endpoint = Arc::new(endpoint);
    let scrape = async move || ([(CONTENT_TYPE, TEXT_FORMAT)], endpoint.text().await);
    Router::new()
        .route("/metrics", get(scrape))
        .fallback((StatusCode::NOT_FOUND, "metrics are at /metrics\n"))
        .layer(map_response(async |mut response: Response| {
            doorward_web::set_default_headers(response.headers_mut());
            response
        }))
}
