//! Records metric events of the domain.

use doorward_domain::happening::Happening;
use doorward_domain::ports::Meter;

use super::Metrics;

impl Meter for Metrics {
    fn note(&self, happening: Happening) {
        match happening {
            Happening::SignIn(outcome) => {
                self.sign_ins.with_label_values(&[outcome.as_str()]).inc();
            }
            Happening::SessionIssued => self.sessions_issued.inc(),
            Happening::SessionRenewed => self.sessions_renewed.inc(),
            Happening::SessionsEnded(why, count) => self
                .sessions_revoked
                .with_label_values(&[why.as_str()])
                .inc_by(count as u64),
            Happening::Hashed { waited, took } => {
                self.hash_wait_seconds.observe(waited.as_secs_f64());
                self.hash_seconds.observe(took.as_secs_f64());
            }
            Happening::HashRejected => self.hashes_rejected.inc(),
            Happening::Throttled(limit) => self.throttled.with_label_values(&[limit]).inc(),
            Happening::Audited(event, outcome) => self
                .audit_events
                .with_label_values(&[event.as_str(), outcome.as_str()])
                .inc(),
            Happening::Mail(kind, fate) => self
                .mails
                .with_label_values(&[kind.as_str(), fate.as_str()])
                .inc(),
        }
    }
}
