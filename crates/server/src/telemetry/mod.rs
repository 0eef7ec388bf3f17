//! What an operator sees of a running server: figures on a listener of their own, and traces.
//!
//! Other parts tell of what happens by ports ([`Meter`], [`Observer`]) and know no metric; a file here
//! turns each into figures: `meter` what the rules tell, `requests` what the web part tells, `measured`
//! the time that stores and mail servers take. `figures` has every metric there is, `scrape` asks for
//! what nobody tells of, `listener` answers a Prometheus; `traces` and `otlp` hand spans on. A figure's
//! labels take a handful of values that are known beforehand: nothing that somebody has typed, no id,
//! no address.
//!
//! To add a figure: its line in `figures`, the place that raises it, its row in `docs/OPERATIONS.md`;
//! a test compares the three.
//!
//! [`Meter`]: doorward_domain::ports::Meter
//! [`Observer`]: doorward_web::Observer

mod connections;
mod figures;
mod listener;
mod measured;
mod meter;
mod otlp;
mod process;
mod requests;
mod scrape;
mod traces;

use std::sync::Arc;

use doorward_domain::ports::Clock;
use doorward_web::Observer;
use jiff::Timestamp;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::config::Config;
use crate::listener::ConnectionObserver;
use crate::wiring::Wired;

pub use figures::Figures;
pub use measured::{measured, measured_rate_limits};
pub use otlp::headers_of;
pub use traces::Traces;

/// Figures, where anybody looks at them or at traces: the spans of stores are made where their time is
/// taken.
pub fn figures(config: &Config, clock: &dyn Clock) -> Option<Arc<Figures>> {
    let started_at = clock.now().as_microsecond() as f64 / 1_000_000.0;
    let is_seen = config.metrics_listen.is_some() || traces::url(config).is_some();
    is_seen.then(|| Arc::new(Figures::new(started_at)))
}

/// Who is told of requests.
pub fn observer(wired: &Wired) -> Arc<dyn Observer> {
    Arc::new(requests::Requests::new(wired.figures.clone()))
}

/// Receives metrics of connections, if metrics are collected.
pub fn connection_observer(wired: &Wired) -> Option<Arc<dyn ConnectionObserver>> {
    let figures = wired.figures.clone()?;
    Some(Arc::new(connections::Connections(figures)))
}

/// Serves the figures, where that is wanted, until what it gives back is dropped; that of the end of
/// the certificate too, where one is shown.
pub async fn serve(
    config: &Config,
    wired: &Wired,
    certificate_ends: Option<watch::Receiver<Timestamp>>,
) -> anyhow::Result<JoinSet<()>> {
    let mut serving = JoinSet::new();
    if let (Some(address), Some(figures)) = (config.metrics_listen, &wired.figures) {
        let listener = listener::bind(address).await?;
        tracing::info!(metrics.listen = %listener.local_addr()?, "serving metrics at /metrics");
        let accounts = wired.accounts.clone();
        let scrape = scrape::Scrape::new(figures.clone(), accounts, certificate_ends);
        serving.spawn(listener::serve(listener, scrape));
    }
    Ok(serving)
}
