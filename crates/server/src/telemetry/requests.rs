//! What the web part tells of its requests, as figures.

use axum::http::HeaderMap;
use doorward_web::{Ended, Observer};
use tracing::Span;

use super::Figures;

/// The status of a request whose client did not wait for the answer.
const GONE: &str = "gone";

impl Observer for Figures {
    fn began(&self, _: &Span, _: &HeaderMap) -> Option<String> {
        self.requests_in_flight.inc();
        None
    }

    fn ended(&self, ended: &Ended) {
        self.requests_in_flight.dec();
        let status = ended.status.as_ref().map_or(GONE, |status| status.as_str());
        self.requests
            .with_label_values(&[ended.method, ended.route, status])
            .inc();
        self.request_seconds
            .with_label_values(&[ended.method, ended.route])
            .observe(ended.took.as_secs_f64());
    }
}
