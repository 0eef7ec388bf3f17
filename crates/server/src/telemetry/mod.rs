//! The log (`logging`), metrics on a separate listener, and traces.
//!
//! Other crates report events by ports ([`MetricsRecorder`], [`RequestObserver`]) and know no metrics; a file here records
//! each: `recorder` events of the domain, `requests` those of the web layer, `instrumented` the duration of calls of
//! stores and mail servers. `metrics` has all metrics, `scrape` reads those that nothing reports,
//! `metrics_listener` serves Prometheus; `traces` and `otlp` export spans. A label has few values, all known in
//! advance: no user input, no id, no address.
//!
//! To add a metric: its line in `metrics`, the code that updates it, its row in `docs/operations/monitoring.md`; a test
//! compares the three.
//!
//! [`MetricsRecorder`]: doorward_domain::metric_event::MetricsRecorder
//! [`RequestObserver`]: doorward_web::RequestObserver

mod connections;
mod instrumented;
pub mod logging;
mod metrics;
mod metrics_listener;
mod otlp;
mod process;
mod recorder;
mod requests;
mod scrape;
mod traces;

use std::sync::Arc;

use axum::Router;
use doorward_domain::Doorward;
use doorward_domain::clock::Clock;
use doorward_web::RequestObserver;
use jiff::Timestamp;
use tokio::sync::watch;

use crate::config::Config;
use crate::listener::{ConnectionObserver, Listener, bind};

pub use instrumented::{instrumented, instrumented_rate_limits};
pub use metrics::Metrics;
pub use traces::Traces;

/// Returns the metrics if metrics or traces are configured: the spans of stores are created where their duration
/// is measured.
pub fn metrics(config: &Config, clock: &dyn Clock) -> Option<Arc<Metrics>> {
    let started_at = clock.now().as_microsecond() as f64 / 1_000_000.0;
    let is_seen = config.metrics_listen.is_some() || traces::url(config).is_some();
    is_seen.then(|| Arc::new(Metrics::new(started_at)))
}

/// Returns the observer of requests.
pub fn request_observer(metrics: Option<Arc<Metrics>>) -> Arc<dyn RequestObserver> {
    Arc::new(requests::RequestMetrics::new(metrics))
}

/// Receives metrics of connections, if metrics are collected.
pub fn connection_observer(metrics: Option<Arc<Metrics>>) -> Option<Arc<dyn ConnectionObserver>> {
    Some(Arc::new(connections::ConnectionMetrics(metrics?)))
}

/// Opens the listener of the metrics if `metrics.listen` is set. `certificate_expires` is the expiry of the served
/// certificate, if there is one.
pub async fn listen(
    config: &Config,
    metrics: Option<Arc<Metrics>>,
    doorward: &Arc<Doorward>,
    certificate_expires: Option<watch::Receiver<Timestamp>>,
) -> anyhow::Result<Option<(Listener, Router)>> {
    let (Some(address), Some(metrics)) = (config.metrics_listen, metrics) else {
        return Ok(None);
    };
    let socket = bind(address, "DOORWARD_METRICS__LISTEN").await?;
    tracing::info!(metrics.listen = %socket.local_addr()?, "serving metrics at /metrics");
    let endpoint = scrape::MetricsEndpoint::new(metrics, doorward.clone(), certificate_expires);
    Ok(Some((
        metrics_listener::listener(socket),
        metrics_listener::router(endpoint),
    )))
}
