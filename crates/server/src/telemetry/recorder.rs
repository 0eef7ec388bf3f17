//! Records metric events of the domain.

use doorward_domain::metric_event::{MetricEvent, MetricsRecorder};

use super::Metrics;

impl MetricsRecorder for Metrics {
    fn record(&self, event: MetricEvent) {
        match event {
            MetricEvent::SignIn(outcome) => {
                self.sign_ins.with_label_values(&[outcome.as_str()]).inc();
            }
            MetricEvent::SessionIssued => self.sessions_issued.inc(),
            MetricEvent::SessionRenewed => self.sessions_renewed.inc(),
            MetricEvent::SessionEnded(why) => {
                self.sessions_revoked
                    .with_label_values(&[why.as_str()])
                    .inc();
            }
            MetricEvent::Hashed { waited, took } => {
                self.hash_wait_seconds.observe(waited.as_secs_f64());
                self.hash_seconds.observe(took.as_secs_f64());
            }
            MetricEvent::HashRejected => self.hashes_rejected.inc(),
            MetricEvent::Throttled(limit) => self.throttled.with_label_values(&[limit]).inc(),
            MetricEvent::AuditEventWritten(event, outcome) => self
                .audit_events
                .with_label_values(&[event.as_str(), outcome.as_str()])
                .inc(),
            MetricEvent::Mail(kind, fate) => self
                .mails
                .with_label_values(&[kind.as_str(), fate.as_str()])
                .inc(),
        }
    }
}
