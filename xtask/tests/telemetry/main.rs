//! What an operator sees, read by the programs that operators use: metrics by Prometheus' own parser and
//! linter, traces by a collector that has OpenTelemetry's protocol definitions, and the page, the alerts
//! and the dashboard against what the binary really says.
//!
//! To add a metric: raise it in `figures`, and the page's table with it:
//! `BLESS=1 cargo test -p xtask --test telemetry the_page`.

#![cfg(test)]
mod bounds;
mod documents;
mod figures;
mod outbox;
mod scrape;
mod server;
mod spans;
mod traces;
