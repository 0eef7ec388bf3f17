//! Traces: the spans of a request, of its story, its stores and its mails, for whoever collects them.
//!
//! The parts make spans by `tracing`. Of OpenTelemetry they know the names of fields alone (`otel.kind`,
//! `http.route`), which the request's span in the web part has; without an endpoint nobody listens, and
//! a span costs one look at a flag. Only spans of our own crates are taken, and what they may say is
//! written where each is made: an id of a request, a route, a status, never what somebody has typed.
//! They wait in a queue of the SDK's that is bounded, and are dropped where it is full: a request never
//! waits for a collector.
//!
//! The SDK would take much of this from the environment. Each such thing is said here, so that the
//! configuration alone counts.

use std::thread;
use std::time::Duration;

use axum::http::HeaderMap;
use doorward_domain::values::Secret;
use opentelemetry::propagation::TextMapPropagator;
use opentelemetry::trace::{TraceContextExt, TracerProvider};
use opentelemetry_http::HeaderExtractor;
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::resource::TelemetryResourceDetector;
use opentelemetry_sdk::trace::{
    BatchConfigBuilder, BatchSpanProcessor, Sampler, SdkTracerProvider, SpanLimits,
};
use tokio::sync::oneshot;
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

use super::otlp::{Collector, TIMEOUT, headers_of};
use crate::config::Config;

/// Where OTLP over HTTP takes traces, below the endpoint.
const PATH: &str = "/v1/traces";
/// How many spans wait at most; what comes beyond is lost.
const MAX_SPANS: usize = 2048;
/// How many are handed over at once.
const MAX_BATCH: usize = 512;
/// How long a span waits for others.
const HANDED_OVER_EVERY: Duration = Duration::from_secs(1);
/// How long the last spans may take when the server stops.
const LAST_SPANS: Duration = Duration::from_secs(3);

/// The way of spans to their collector.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Opens it, where one is configured. Nothing is sent yet, and nobody asked.
    pub fn open(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(url) = url(config) else {
            return Ok(None);
        };
        let headers = config.traces_headers.as_ref().map(Secret::expose);
        let headers = headers_of(headers.map_or("", String::as_str)).map_err(anyhow::Error::msg)?;
        let exporter = SpanExporter::builder()
            .with_http()
            .with_http_client(Collector::new(&url, headers)?)
            .with_endpoint(url)
            .with_protocol(Protocol::HttpBinary)
            .with_timeout(TIMEOUT)
            .build()?;
        let resource = Resource::builder_empty()
            .with_detector(Box::new(TelemetryResourceDetector))
            .with_service_name("doorward")
            .with_attribute(opentelemetry::KeyValue::new(
                "service.version",
                env!("CARGO_PKG_VERSION"),
            ))
            .build();
        // A proxy that keeps its trace wants ours in it; all else is drawn by lot.
        let by_lot = Sampler::TraceIdRatioBased(config.traces_sample_ratio);
        let queue = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_SPANS)
            .with_max_export_batch_size(MAX_BATCH)
            .with_scheduled_delay(HANDED_OVER_EVERY)
            .build();
        let batches = BatchSpanProcessor::builder(exporter).with_batch_config(queue);
        let provider = SdkTracerProvider::builder()
            .with_span_processor(batches.build())
            .with_span_limits(SpanLimits::default())
            .with_sampler(Sampler::ParentBased(Box::new(by_lot)))
            .with_resource(resource)
            .build();
        Ok(Some(Self(provider)))
    }

    /// What takes the spans.
    pub fn layer<S>(&self) -> impl Layer<S> + use<S>
    where
        S: Subscriber + for<'span> LookupSpan<'span>,
    {
        let ours =
            filter_fn(|metadata| metadata.is_span() && metadata.target().starts_with("doorward"));
        OpenTelemetryLayer::new(self.0.tracer("doorward"))
            .with_location(false)
            .with_threads(false)
            .with_target(false)
            .with_tracked_inactivity(false)
            .with_context_activation(false)
            .with_filter(ours.with_max_level_hint(LevelFilter::TRACE))
    }

    /// Sends what is left, within its time, on a thread of its own: the SDK waits by blocking.
    pub async fn close(self) {
        let (done, ended) = oneshot::channel();
        thread::spawn(move || {
            let _ = done.send(self.0.shutdown_with_timeout(LAST_SPANS));
        });
        match ended.await {
            Ok(Ok(())) => {}
            _ => tracing::debug!("failed to flush spans at shutdown"),
        }
    }
}

/// Where traces go, if they go anywhere.
pub fn url(config: &Config) -> Option<String> {
    let below = |endpoint: &String| match endpoint.ends_with(PATH) {
        true => endpoint.clone(),
        false => format!("{endpoint}{PATH}"),
    };
    let whole = config.traces_url.clone();
    whole.or_else(|| config.traces_endpoint.as_ref().map(below))
}

/// Makes a request's span part of the trace that a trusted proxy names (W3C Trace Context); the id of
/// the trace, where it is kept.
pub fn adopt(span: &Span, trusted: Option<&HeaderMap>) -> Option<String> {
    if span.is_disabled() {
        return None;
    }
    if let Some(headers) = trusted {
        let parent = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
        if parent.span().span_context().is_valid() {
            let _ = span.set_parent(parent);
        }
    }
    let context = span.context();
    let kept = context.span().span_context().clone();
    kept.is_sampled().then(|| kept.trace_id().to_string())
}
