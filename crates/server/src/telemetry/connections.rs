//! Metrics of the listener's connections.

use std::sync::Arc;

use super::Metrics;
use crate::listener::{ConnectionObserver, RejectReason};

/// Updates the metrics.
pub struct ConnectionMetrics(pub Arc<Metrics>);

impl ConnectionObserver for ConnectionMetrics {
    fn opened(&self) {
        self.0.connections.inc();
    }

    fn closed(&self) {
        self.0.connections.dec();
    }

    fn rejected(&self, reason: RejectReason) {
        let counter = &self.0.connections_rejected;
        counter.with_label_values(&[reason.as_str()]).inc();
    }
}
