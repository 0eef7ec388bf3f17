//! Metrics and traces, read by the operators' programs: metrics by Prometheus' parser and linter, traces by a
//! collector with OpenTelemetry's protocol definitions; the page, the alerts and the dashboard are compared with
//! the binary's metrics.
//!
//! To add a metric: raise it in `metrics`, and update the page's table with `cargo xtask bless`.

#![cfg(test)]
mod documents;
mod limits;
mod metrics;
mod outbox;
mod scrape;
mod server;
mod spans;
mod traces;
