//! The log: one line per event on standard error, as text or JSON. On a terminal a line begins with the time of day, and is
//! shorter. It also starts the traces, which come from the same source.
//!
//! A line contains its event without the fields of the spans around it: spans are for traces only, and those of
//! libraries may contain user input. `writer` cleans each line.

mod writer;

use std::io::IsTerminal;

use anyhow::Context;
use doorward_domain::clock::Clock;
use tracing_subscriber::field::MakeExt;
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::fmt::FormatFields;
use tracing_subscriber::fmt::format::{Writer, debug_fn};
use tracing_subscriber::fmt::time::FormatTime;
use tracing_subscriber::layer::{Layer, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Registry};

use crate::cli::style::error_has_colours;
use crate::config::{Config, LogFormat};
use crate::system::SystemClock;
use crate::telemetry::Traces;

use writer::{LineFormat, LogWriter};

/// Libraries that log user input or secrets at their finest levels (L-02).
const CAPPED: &str = ",sqlx=warn,lettre=warn,hyper=info,rustls=info,h2=info";

/// Starts the log, and the traces if a collector is configured.
pub fn start(config: &Config) -> anyhow::Result<Option<Traces>> {
    let filter: EnvFilter = format!("{}{CAPPED}", config.log_filter)
        .parse()
        .context("log.filter")?;
    let events = filter_fn(is_event).with_max_level_hint(LevelFilter::TRACE);
    let is_terminal = std::io::stderr().is_terminal();
    let as_text = match config.log_format {
        LogFormat::Text => true,
        LogFormat::Json => false,
        LogFormat::Auto => is_terminal,
    };
    let format = match as_text {
        true if error_has_colours() => LineFormat::Coloured,
        true => LineFormat::Text,
        false => LineFormat::Json,
    };
    // Closing the terminal closes standard error; that must not panic.
    let layer = tracing_subscriber::fmt::layer()
        .with_writer(LogWriter(format))
        .log_internal_errors(false);
    let layer: Box<dyn Layer<Registry> + Send + Sync> = if as_text {
        let layer = layer
            .with_ansi(format == LineFormat::Coloured)
            .with_target(false);
        match is_terminal {
            true => Box::new(layer.with_timer(TimeOfDay).fmt_fields(short_fields())),
            false => Box::new(layer),
        }
    } else {
        let layer = layer.json().flatten_event(true);
        Box::new(layer.with_current_span(false).with_span_list(false))
    };
    let traces = Traces::open(config)?;
    tracing_subscriber::registry()
        .with(layer.with_filter(filter.and(events)))
        .with(traces.as_ref().map(Traces::layer))
        .try_init()
        .context("the log cannot be started")?;
    Ok(traces)
}

/// The time of day in UTC, for a reader who knows the date.
struct TimeOfDay;

impl FormatTime for TimeOfDay {
    fn format_time(&self, writer: &mut Writer<'_>) -> std::fmt::Result {
        let now = SystemClock::default().now();
        write!(writer, "{}", now.strftime("%H:%M:%SZ"))
    }
}

/// The fields on a terminal: those of requests without their names, and without the id of the trace.
fn short_fields() -> impl for<'writer> FormatFields<'writer> + Send + Sync + 'static {
    debug_fn(|writer, field, value| match field.name() {
        "message" => write!(writer, "{value:?}"),
        "http.request.method" | "http.route" | "problem" => {
            write!(writer, "{}", format!("{value:?}").trim_matches('"'))
        }
        "http.response.status_code" => write!(writer, "{value:?}"),
        "duration_ms" => write!(writer, "{value:?} ms"),
        "trace_id" => Ok(()),
        name => write!(writer, "{name}={value:?}"),
    })
    .delimited(" ")
}

fn is_event(metadata: &tracing::Metadata<'_>) -> bool {
    metadata.is_event()
}
