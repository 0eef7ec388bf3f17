//! All metrics.
//!
//! Names follow Prometheus: what is counted and its base unit. Series whose labels are known exist from the start
//! with the value 0, so that the first event is visible as an increase.

use doorward_domain::limits::LIMIT_NAMES;
use doorward_domain::metric_event::{MailFate, SessionEnd, SignInOutcome};
use doorward_domain::model::{AuditKind, MailKind, Outcome};
use prometheus::core::Collector;
use prometheus::{
    GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts,
    Registry, TextEncoder,
};

use super::process;
use crate::listener::RejectReason;
use crate::worker::tasks::TASKS;

/// Buckets from half a millisecond to ten seconds, for requests and their parts.
const REQUEST_SECONDS: &[f64] = &[
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0,
];
/// Buckets up to five minutes, since a mail server may be slow.
const MAIL_SECONDS: &[f64] = &[
    0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0,
];

/// The metrics of one process. Not global: a test may have two.
pub struct Metrics {
    registry: Registry,
    pub(super) requests: IntCounterVec,
    pub(super) request_seconds: HistogramVec,
    pub(super) requests_in_flight: IntGauge,
    pub(super) connections: IntGauge,
    pub(super) connections_rejected: IntCounterVec,
    pub(super) sign_ins: IntCounterVec,
    pub(super) sessions_issued: IntCounter,
    pub(super) sessions_renewed: IntCounter,
    pub(super) sessions_revoked: IntCounterVec,
    pub(super) throttled: IntCounterVec,
    pub(super) audit_events: IntCounterVec,
    /// Without a value if the database could not be read.
    pub(super) audit_unsealed: GaugeVec,
    pub(super) hash_wait_seconds: Histogram,
    pub(super) hash_seconds: Histogram,
    pub(super) hashes_rejected: IntCounter,
    pub(super) hash_queue: IntGauge,
    pub(super) hash_queue_limit: IntGauge,
    pub(super) mails: IntCounterVec,
    pub(super) mail_seconds: Histogram,
    pub(super) outbox: OutboxMetrics,
    pub(super) store_seconds: HistogramVec,
    pub(super) store_errors: IntCounterVec,
    pub(super) task_failures: IntCounterVec,
    pub(super) certificate_expires: GaugeVec,
    pub(super) scrape_errors: IntCounter,
}

/// The outbox when it was last read; without values if that failed.
pub(super) struct OutboxMetrics {
    pub(super) waiting: GaugeVec,
    pub(super) oldest_seconds: GaugeVec,
    pub(super) overdue_seconds: GaugeVec,
    pub(super) failed: GaugeVec,
}

impl Metrics {
    /// Creates all metrics. `started_at` is the start of the process in seconds since 1970.
    pub fn new(started_at: f64) -> Self {
        let new = Registrar(Registry::new());
        let metrics = Self {
            requests: new.counters("doorward_http_requests_total", "Completed requests, by route as in the API reference; `-` is an unknown route or method; status `aborted` is a request that ended before its response.", &["method", "route", "status"]),
            request_seconds: new.histograms("doorward_http_request_duration_seconds", "Time from the request headers to the beginning of the response.", REQUEST_SECONDS, &["method", "route"]),
            requests_in_flight: new.gauge("doorward_http_requests_in_flight", "Requests in flight."),
            connections: new.gauge("doorward_connections", "Open connections."),
            connections_rejected: new.counters("doorward_connections_rejected_total", "Connections and requests rejected: `limit` all connections are in use; `address_limit` all connections of one address are in use; `request_limit` too many requests are in flight (503); `timeout` the TLS handshake or the first request took too long.", &["reason"]),
            sign_ins: new.counters("doorward_sign_ins_total", "Sign-in attempts with a password or, after `factor-required`, with a code, by outcome; `throttled` are those that a rate limit denied.", &["outcome"]),
            sessions_issued: new.counter("doorward_sessions_issued_total", "Sessions issued at sign-in."),
            sessions_renewed: new.counter("doorward_sessions_renewed_total", "Sessions that got a new token."),
            sessions_revoked: new.counters("doorward_sessions_revoked_total", "Sessions ended before they expired, by reason.", &["reason"]),
            throttled: new.counters("doorward_throttled_total", "Attempts denied by a rate limit, by its name; `guess` is the delay or lockout after wrong passwords or codes.", &["limit"]),
            audit_events: new.counters("doorward_audit_events_total", "Audit events written.", &["event", "outcome"]),
            audit_unsealed: new.optional_gauge("doorward_audit_oldest_unsealed_age_seconds", "Age of the oldest audit event that is not sealed; 0 if all are sealed."),
            hash_wait_seconds: new.histogram("doorward_password_hash_wait_seconds", "Time that passwords waited for a hashing thread.", REQUEST_SECONDS),
            hash_seconds: new.histogram("doorward_password_hash_duration_seconds", "Duration of hashing, without the wait.", REQUEST_SECONDS),
            hashes_rejected: new.counter("doorward_password_hashes_rejected_total", "Passwords rejected because the hashing queue was full (503)."),
            hash_queue: new.gauge("doorward_password_hash_queue", "Passwords that wait or are being hashed."),
            hash_queue_limit: new.gauge("doorward_password_hash_queue_limit", "Maximum number of passwords that wait or are being hashed."),
            mails: new.counters("doorward_mails_total", "Attempts of this node to send a mail, by kind and outcome.", &["kind", "outcome"]),
            mail_seconds: new.histogram("doorward_mail_send_duration_seconds", "Duration of sending a mail, including failed attempts.", MAIL_SECONDS),
            outbox: OutboxMetrics {
                waiting: new.optional_gauge("doorward_outbox_waiting_mails", "Queued mails of all nodes; absent if the database does not respond."),
                oldest_seconds: new.optional_gauge("doorward_outbox_oldest_age_seconds", "Age of the oldest queued mail; 0 if there is none."),
                overdue_seconds: new.optional_gauge("doorward_outbox_overdue_seconds", "Time since the next queued mail became due; 0 if none is due."),
                failed: new.optional_gauge("doorward_outbox_failed_mails", "Mails that failed permanently and are still stored."),
            },
            store_seconds: new.histograms("doorward_store_operation_duration_seconds", "Duration of store operations, including failed ones; stores are `database`, `sessions`, and `counters` with Redis.", REQUEST_SECONDS, &["store", "operation"]),
            store_errors: new.counters("doorward_store_operation_errors_total", "Failed store operations: no response, or not in time.", &["store", "operation"]),
            task_failures: new.counters("doorward_task_failures_total", "Failed runs of background tasks, by task.", &["task"]),
            certificate_expires: new.optional_gauge("doorward_certificate_expires_timestamp_seconds", "Expiry time of the served certificate, in seconds since 1970; absent if Doorward serves plain HTTP."),
            scrape_errors: new.counter("doorward_scrape_errors_total", "Failed queries of the outbox or the audit log for these metrics."),
            registry: new.0,
        };
        metrics.init_labels();
        process::register(&metrics.registry, started_at);
        metrics
    }

    /// All metrics in the text format of Prometheus.
    pub fn text(&self) -> String {
        TextEncoder::new()
            .encode_to_string(&self.registry.gather())
            .unwrap_or_else(|error| format!("# {error}\n"))
    }

    /// Counts a failed run of a background task.
    pub fn task_failed(&self, task: &'static str) {
        self.task_failures.with_label_values(&[task]).inc();
    }

    fn init_labels(&self) {
        let each = |counters: &IntCounterVec, values: &[&str]| {
            for value in values {
                counters.with_label_values(&[value]);
            }
        };
        let outcomes = SignInOutcome::ALL.iter().map(|outcome| outcome.as_str());
        each(&self.sign_ins, &outcomes.collect::<Vec<_>>());
        let reasons = SessionEnd::ALL.iter().map(|reason| reason.as_str());
        each(&self.sessions_revoked, &reasons.collect::<Vec<_>>());
        each(&self.throttled, &LIMIT_NAMES);
        each(&self.task_failures, &TASKS);
        let reasons = RejectReason::ALL.map(RejectReason::as_str);
        each(&self.connections_rejected, &reasons);
        for kind in MailKind::queued() {
            for fate in MailFate::ALL {
                self.mails
                    .with_label_values(&[kind.as_str(), fate.as_str()]);
            }
        }
        for event in AuditKind::ALL {
            for outcome in [Outcome::Success, Outcome::Failure] {
                self.audit_events
                    .with_label_values(&[event.as_str(), outcome.as_str()]);
            }
        }
    }
}

/// Creates and registers metrics.
struct Registrar(Registry);

impl Registrar {
    fn register<M: Collector + Clone + 'static>(&self, made: prometheus::Result<M>) -> M {
        let metric = made.expect("the names of a metric and its labels are fixed and sound");
        self.0
            .register(Box::new(metric.clone()))
            .expect("no two metrics have one name");
        metric
    }

    fn counter(&self, name: &str, help: &str) -> IntCounter {
        self.register(IntCounter::new(name, help))
    }

    fn counters(&self, name: &str, help: &str, labels: &[&str]) -> IntCounterVec {
        self.register(IntCounterVec::new(Opts::new(name, help), labels))
    }

    fn gauge(&self, name: &str, help: &str) -> IntGauge {
        self.register(IntGauge::new(name, help))
    }

    /// A gauge that may have no value.
    fn optional_gauge(&self, name: &str, help: &str) -> GaugeVec {
        self.register(GaugeVec::new(Opts::new(name, help), &[]))
    }

    fn histogram(&self, name: &str, help: &str, buckets: &[f64]) -> Histogram {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(Histogram::with_opts(options))
    }

    fn histograms(&self, name: &str, help: &str, buckets: &[f64], labels: &[&str]) -> HistogramVec {
        let options = HistogramOpts::new(name, help).buckets(buckets.to_vec());
        self.register(HistogramVec::new(options, labels))
    }
}
