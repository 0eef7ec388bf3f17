//! Records the requests of the web layer, as metrics and traces.

use std::sync::Arc;

use axum::http::HeaderMap;
use doorward_web::{CompletedRequest, RequestObserver};
use tracing::Span;

use super::{Metrics, traces};

/// Status of a request that was aborted before its response.
const ABORTED: &str = "aborted";

/// Receives every request.
pub struct RequestMetrics(Option<Arc<Metrics>>);

impl RequestMetrics {
    /// Records metrics if there are any.
    pub fn new(metrics: Option<Arc<Metrics>>) -> Self {
        Self(metrics)
    }
}

impl RequestObserver for RequestMetrics {
    fn on_request(&self, span: &Span, trusted: Option<&HeaderMap>) -> Option<String> {
        if let Some(metrics) = &self.0 {
            metrics.requests_in_flight.inc();
        }
        traces::continue_trace(span, trusted)
    }

    fn on_response(&self, ended: &CompletedRequest) {
        let Some(metrics) = &self.0 else { return };
        metrics.requests_in_flight.dec();
        let status = ended
            .status
            .as_ref()
            .map_or(ABORTED, |status| status.as_str());
        metrics
            .requests
            .with_label_values(&[ended.method, ended.route, status])
            .inc();
        metrics
            .request_seconds
            .with_label_values(&[ended.method, ended.route])
            .observe(ended.duration.as_secs_f64());
    }
}
