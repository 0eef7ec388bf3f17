//! The log: one line an event on standard error, text for people, JSON for programs.

use std::io::IsTerminal;

use anyhow::Context;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::config::{Config, LogFormat};

/// Libraries that would write what people sent, or secrets, at their finest levels (L-02).
const CAPPED: &str = ",sqlx=warn,lettre=warn,hyper=info,rustls=info,h2=info";

/// Starts logging.
pub fn start(config: &Config) -> anyhow::Result<()> {
    let filter: EnvFilter = format!("{}{CAPPED}", config.log_filter)
        .parse()
        .context("log.filter")?;
    let as_text = match config.log_format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => std::io::stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    let layer = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    let started = if as_text {
        registry
            .with(
                layer
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_target(false),
            )
            .try_init()
    } else {
        registry
            .with(
                layer
                    .json()
                    .flatten_event(true)
                    .with_current_span(false)
                    .with_span_list(false),
            )
            .try_init()
    };
    started.context("the log cannot be started")
}
