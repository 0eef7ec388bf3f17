//! What the listener tells of its connections, as figures.

use std::sync::Arc;

use super::Figures;
use crate::listener::{Watch, Why};

/// Told of every connection.
pub struct Connections(pub Arc<Figures>);

impl Watch for Connections {
    fn open(&self, connections: usize) {
        let connections = i64::try_from(connections).unwrap_or(i64::MAX);
        self.0.connections.set(connections);
    }

    fn turned_away(&self, why: Why) {
        let counter = &self.0.turned_away;
        counter.with_label_values(&[why.as_str()]).inc();
    }
}
