//! Traces: the spans of a request, its service, its stores and its mails, exported to a collector.
//!
//! Other crates create spans by `tracing` and know only names of OpenTelemetry's fields (`otel.kind`,
//! `http.route`). Without an endpoint nothing subscribes, and a span costs one check of a flag. Only spans of
//! Doorward's crates are exported. Their fields are request ids, routes and statuses, never user input. Spans wait
//! in a bounded queue of the SDK and are dropped if it is full: a request never waits for a collector.
//!
//! The SDK reads many defaults from the environment. They are all set here, so that only the configuration counts.

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

use super::otlp::{Collector, TIMEOUT};
use crate::config::{Config, otlp_headers};

/// Path of traces below the endpoint of OTLP over HTTP.
const PATH: &str = "/v1/traces";
/// Maximum number of queued spans; further ones are dropped.
const MAX_SPANS: usize = 2048;
/// Maximum number of spans in a batch.
const MAX_BATCH: usize = 512;
/// Maximum time that a span waits for a batch.
const EXPORT_INTERVAL: Duration = Duration::from_secs(1);
/// Time limit for the last spans when the server stops.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// Exports spans to a collector.
pub struct Traces(SdkTracerProvider);

impl Traces {
    /// Creates the exporter if one is configured. Sends nothing yet.
    pub fn open(config: &Config) -> anyhow::Result<Option<Self>> {
        let Some(url) = url(config) else {
            return Ok(None);
        };
        let headers = config.traces_headers.as_ref().map(Secret::expose);
        let headers =
            otlp_headers(headers.map_or("", String::as_str)).map_err(anyhow::Error::msg)?;
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
        // A trace that a proxy samples includes our spans; others are sampled at random.
        let by_lot = Sampler::TraceIdRatioBased(config.traces_sample_ratio);
        let queue = BatchConfigBuilder::default()
            .with_max_queue_size(MAX_SPANS)
            .with_max_export_batch_size(MAX_BATCH)
            .with_scheduled_delay(EXPORT_INTERVAL)
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

    /// The layer that receives spans.
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

    /// Sends the remaining spans within a time limit. A separate thread does so, since the SDK blocks.
    pub async fn close(self) {
        let (done, ended) = oneshot::channel();
        thread::spawn(move || {
            let _ = done.send(self.0.shutdown_with_timeout(FLUSH_TIMEOUT));
        });
        match ended.await {
            Ok(Ok(())) => {}
            _ => tracing::debug!("failed to flush spans at shutdown"),
        }
    }
}

/// URL of the collector, if one is configured.
pub fn url(config: &Config) -> Option<String> {
    let below = |endpoint: &String| match endpoint.ends_with(PATH) {
        true => endpoint.clone(),
        false => format!("{endpoint}{PATH}"),
    };
    let whole = config.traces_url.clone();
    whole.or_else(|| config.traces_endpoint.as_ref().map(below))
}

/// Makes a request's span part of the trace that a trusted proxy sends (W3C Trace Context). Returns the id of the
/// trace if it is sampled.
pub fn continue_trace(span: &Span, trusted: Option<&HeaderMap>) -> Option<String> {
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
    let span_context = context.span().span_context().clone();
    span_context
        .is_sampled()
        .then(|| span_context.trace_id().to_string())
}
