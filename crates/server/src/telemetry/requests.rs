//! Records the requests of the web layer, as metrics and traces.

use std::sync::Arc;

use axum::http::HeaderMap;
use doorward_web::{Ended, Observer};
use tracing::Span;

use super::{Figures, traces};

/// Status of a request that was aborted before its response.
const ABORTED: &str = "aborted";

/// Receives every request.
pub struct Requests(Option<Arc<Figures>>);

impl Requests {
    /// Records metrics if there are any.
    pub fn new(figures: Option<Arc<Figures>>) -> Self {
        Self(figures)
    }
}

impl Observer for Requests {
    fn began(&self, span: &Span, trusted: Option<&HeaderMap>) -> Option<String> {
        if let Some(figures) = &self.0 {
            figures.requests_in_flight.inc();
        }
        traces::adopt(span, trusted)
    }

    fn ended(&self, ended: &Ended) {
        let Some(figures) = &self.0 else { return };
        figures.requests_in_flight.dec();
        let status = ended
            .status
            .as_ref()
            .map_or(ABORTED, |status| status.as_str());
        figures
            .requests
            .with_label_values(&[ended.method, ended.route, status])
            .inc();
        figures
            .request_seconds
            .with_label_values(&[ended.method, ended.route])
            .observe(ended.took.as_secs_f64());
    }
}
