//! Measures duration and failures of stores and mail servers. It wraps each port, so that no store depends on it.
//!
//! An operation has the name of its method; a read of records has that of their table. A rejection by a rule (a taken
//! name, a stale version) is a normal result; an error means that the store did not respond.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;
use doorward_domain::Ports;
use doorward_domain::limits::{Decision, KeyedLimit, RateLimits};
use doorward_domain::model::Session;
use doorward_domain::outbox::{Mail, MailError, MailText, Mailer};
use doorward_domain::sessions::{LastSeen, SeparateSessions, SessionUpdate};
use doorward_domain::store::{
    ApplyError, Batch, Claim, Limits, Query, ReadStore, Row, Store, StoreError, Table, Value,
};
use doorward_domain::values::{Digest, SessionId, UserId};
use jiff::Timestamp;
use tracing::{Instrument, Span};

use super::Metrics;

/// Returns the same ports with measurements. Rate limits are those of this process, or measured by
/// [`instrumented_rate_limits`].
pub fn instrumented(ports: Ports, metrics: &Arc<Metrics>) -> Ports {
    Ports {
        store: Arc::new(Instrumented::new(ports.store, metrics)),
        sessions: ports.sessions.map(|sessions| -> Arc<dyn SeparateSessions> {
            Arc::new(Instrumented::new(sessions, metrics))
        }),
        mailer: Arc::new(Instrumented::new(ports.mailer, metrics)),
        recorder: metrics.clone(),
        ..ports
    }
}

/// Measures rate limit counters on another server.
pub fn instrumented_rate_limits(
    shared: Arc<dyn RateLimits>,
    metrics: Option<&Arc<Metrics>>,
) -> Arc<dyn RateLimits> {
    match metrics {
        Some(metrics) => Arc::new(Instrumented::new(shared, metrics)),
        None => shared,
    }
}

/// A port that is measured.
struct Instrumented<P: ?Sized> {
    inner: Arc<P>,
    metrics: Arc<Metrics>,
}

impl<P: ?Sized> Instrumented<P> {
    fn new(inner: Arc<P>, metrics: &Arc<Metrics>) -> Self {
        Self {
            inner,
            metrics: metrics.clone(),
        }
    }

    async fn instrumented<T, E: Failure>(
        &self,
        store: &'static str,
        operation: &str,
        call: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let started_at = Instant::now();
        let span = store_span(store, operation);
        let answer = call.instrument(span.clone()).await;
        self.metrics
            .store_seconds
            .with_label_values(&[store, operation])
            .observe(started_at.elapsed().as_secs_f64());
        if answer.as_ref().is_err_and(Failure::is_failure) {
            span.record("otel.status_code", "ERROR");
            self.metrics
                .store_errors
                .with_label_values(&[store, operation])
                .inc();
        }
        answer
    }
}

/// The span of an operation. There is none without an outer span: the worker's routine queries are not traced.
fn store_span(store: &'static str, operation: &str) -> Span {
    if Span::current().is_none() {
        return Span::none();
    }
    tracing::trace_span!(
        "store",
        otel.name = format!("{store} {operation}"),
        otel.kind = "client",
        otel.status_code = tracing::field::Empty,
        doorward.store = store,
        db.operation.name = operation,
    )
}

/// An error that may be a failure of the store.
trait Failure {
    fn is_failure(&self) -> bool;
}

impl Failure for StoreError {
    fn is_failure(&self) -> bool {
        true
    }
}

impl Failure for ApplyError {
    fn is_failure(&self) -> bool {
        matches!(self, Self::Store(_) | Self::OutcomeUnknown(_))
    }
}

/// Calls and measures each method.
macro_rules! instrumented {
    ($port:ident as $store:literal { $(own $own:item)* $(ask $name:ident($($argument:ident: $kind:ty),*) -> $out:ty;)+ }) => {
        #[async_trait]
        impl $port for Instrumented<dyn $port> {
            $($own)*

            $(async fn $name(&self, $($argument: $kind),*) -> $out {
                let call = self.inner.$name($($argument),*);
                self.instrumented($store, stringify!($name), call).await
            })+
        }
    };
}

/// The name of a read of records.
fn read_of(table: &Table) -> String {
    format!("read {}", table.name)
}

#[async_trait]
impl ReadStore for Instrumented<dyn Store> {
    async fn get_rows(
        &self,
        table: &'static Table,
        keys: Vec<Value>,
    ) -> Result<Vec<Row>, StoreError> {
        let (name, read) = (read_of(table), self.inner.get_rows(table, keys));
        self.instrumented("database", &name, read).await
    }

    async fn find_row(
        &self,
        table: &'static Table,
        column: &'static str,
        value: Value,
    ) -> Result<Option<Row>, StoreError> {
        let (name, read) = (read_of(table), self.inner.find_row(table, column, value));
        self.instrumented("database", &name, read).await
    }

    async fn list_rows(&self, query: Query) -> Result<Vec<Row>, StoreError> {
        let (name, read) = (read_of(query.table), self.inner.list_rows(query));
        self.instrumented("database", &name, read).await
    }

    async fn count_rows(&self, query: Query) -> Result<u64, StoreError> {
        let (name, read) = (read_of(query.table), self.inner.count_rows(query));
        self.instrumented("database", &name, read).await
    }
}

instrumented!(Store as "database" {
    own fn limits(&self) -> Limits {
        self.inner.limits()
    }

    own async fn claim_rows(&self, claim: Claim) -> Result<Vec<Row>, StoreError> {
        self.instrumented("database", "claim", self.inner.claim_rows(claim)).await
    }

    ask apply(batch: Batch) -> Result<(), ApplyError>;
    ask sweep(table: &'static Table, before: Timestamp) -> Result<(), StoreError>;
    ask purge(tables: &[&'static Table], owner: Value) -> Result<(), StoreError>;
    ask server_time() -> Result<Option<Timestamp>, StoreError>;
    ask ping() -> Result<(), StoreError>;
});

instrumented!(SeparateSessions as "sessions" {
    own fn may_lose_writes(&self) -> bool {
        self.inner.may_lose_writes()
    }

    ask insert_session(session: &Session) -> Result<(), StoreError>;
    ask find_session(user_id: UserId, digest: &Digest, now: Timestamp) -> Result<Option<Session>, StoreError>;
    ask list_sessions(user_id: UserId, now: Timestamp) -> Result<Vec<Session>, StoreError>;
    ask update_session(session: &Session, update: SessionUpdate) -> Result<bool, StoreError>;
    ask touch_sessions(seen: &[LastSeen]) -> Result<(), StoreError>;
    ask delete_session(user_id: UserId, id: SessionId) -> Result<bool, StoreError>;
    ask ping() -> Result<(), StoreError>;
});

instrumented!(RateLimits as "counters" {
    ask acquire(limit: &KeyedLimit, now: Timestamp) -> Result<Decision, StoreError>;
    ask release(limit: &KeyedLimit, now: Timestamp) -> Result<(), StoreError>;
    ask clear(limit: &KeyedLimit) -> Result<u32, StoreError>;
});

#[async_trait]
impl Mailer for Instrumented<dyn Mailer> {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let started_at = Instant::now();
        let span = tracing::trace_span!(
            "send mail",
            otel.kind = "client",
            otel.status_code = tracing::field::Empty,
            doorward.mail.template = mail.kind.template(),
        );
        let sent = self.inner.send(mail).instrument(span.clone()).await;
        if sent.is_err() {
            span.record("otel.status_code", "ERROR");
        }
        self.metrics
            .mail_seconds
            .observe(started_at.elapsed().as_secs_f64());
        sent
    }

    fn preview(&self, mail: &Mail) -> Result<MailText, MailError> {
        self.inner.preview(mail)
    }
}
