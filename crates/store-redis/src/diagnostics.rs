//! Checks Redis for `doorward doctor`. Calls each operation of the store, on separate keys that are
//! deleted afterwards and expire within a minute.

use std::sync::Arc;

use doorward_domain::diagnostics::Diagnostic;
use doorward_domain::limits::Rate;
use doorward_domain::model::{AuthMethod, Session};
use doorward_domain::ports::{
    Clock, KeyedLimit, LastSeen, RateLimits, SeparateSessions, SessionUpdate, StoreError,
};
use doorward_domain::tokens::CounterKeys;
use doorward_domain::values::{Digest, SessionId, UserId};
use jiff::{SignedDuration, Timestamp};
use redis::aio::MultiplexedConnection;

use crate::fault::RedisFault;
use crate::{RedisSettings, RedisStore, connection, durability};

const REACHABILITY: &str = "redis";
const TLS: &str = "redis: TLS";
const PERMISSIONS: &str = "redis: rights";
const MEMORY: &str = "redis: memory";
const PERSISTENCE: &str = "redis: persistence";
const CLOCK: &str = "redis: clock";

/// Lifetime of the session of the check.
const PROBE_LIFETIME: SignedDuration = SignedDuration::from_secs(60);
/// Maximum difference of two clocks without a warning.
const MAX_CLOCK_SKEW: SignedDuration = SignedDuration::from_secs(5);

/// Checks Redis.
pub async fn diagnose(settings: &RedisSettings, clock: Arc<dyn Clock>) -> Vec<Diagnostic> {
    let opened = match connection::open(&settings.url).await {
        Ok(opened) => opened,
        Err(error) => return vec![unusable(&error)],
    };
    let hosts = settings.url.host_names();
    let message = format!("version {}, {}, at {hosts}", opened.version, opened.mode);
    let mut diagnostics = vec![Diagnostic::passed(REACHABILITY, message), tls(settings)];
    diagnostics.extend(permissions(settings, clock.now()).await);
    diagnostics.extend(durability(opened.node.clone()).await);
    diagnostics.push(clocks(opened.node, &*clock).await);
    diagnostics
}

fn unusable(error: &RedisFault) -> Diagnostic {
    let hint = match error {
        RedisFault::Unusable(_) => "change `redis.url` or the server",
        _ => "check that Redis runs, that `redis.url` is right, and that no firewall is in between",
    };
    Diagnostic::failed(REACHABILITY, error.to_string(), hint)
}

fn tls(settings: &RedisSettings) -> Diagnostic {
    match (&settings.url.ca, settings.url.is_unencrypted()) {
        (Some(path), _) => {
            let message = format!("encrypted; trusts {}", path.display());
            Diagnostic::passed(TLS, message)
        }
        (None, true) => Diagnostic::warning(
            TLS,
            "passwords and sessions cross the network without encryption",
            "turn on TLS in Redis (tls-port) and use rediss:// in `redis.url`",
        ),
        (None, false) if settings.url.is_encrypted() => {
            Diagnostic::passed(TLS, "encrypted; trusts the system's root certificates")
        }
        (None, false) => Diagnostic::passed(TLS, "not encrypted, and on this machine only"),
    }
}

/// Calls each operation of the store, on keys that are deleted afterwards.
async fn permissions(settings: &RedisSettings, now: Timestamp) -> Vec<Diagnostic> {
    let settings = RedisSettings {
        prefix: format!("{}doctor:", settings.prefix),
        ..settings.clone()
    };
    let store = match RedisStore::open(settings, CounterKeys::for_probes()) {
        Ok(store) => store,
        Err(error) => return vec![unusable(&error)],
    };
    let mut results = probe_sessions(&store, &session(now)).await;
    results.extend(try_rate_limits(&store, now).await);
    let mut errors: Vec<String> = Vec::new();
    for error in results.into_iter().filter_map(Result::err) {
        let text = error.cause.to_string();
        if !errors.contains(&text) {
            errors.push(text);
        }
    }
    if errors.is_empty() {
        return vec![Diagnostic::passed(
            PERMISSIONS,
            "the user has all required rights",
        )];
    }
    let hint =
        "grant the rights listed in docs/STORES.md (`ACL SETUSER`), or check the server's log";
    let diagnostic = |error| Diagnostic::failed(PERMISSIONS, error, hint);
    errors.into_iter().map(diagnostic).collect()
}

/// A session of no user.
fn session(now: Timestamp) -> Session {
    let seed = format!("doctor {now} {}", std::process::id());
    let digest = Digest::of(seed.as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&digest.as_bytes()[..16]);
    Session {
        id: SessionId::from_bytes(id),
        digest,
        user_id: UserId::from_bytes(id),
        epoch: 0,
        generation: 0,
        renewed_at: now,
        created_at: now,
        auth_time: now,
        amr: vec![AuthMethod::Password],
        last_seen_at: now,
        expires_at: now + PROBE_LIFETIME,
        address: None,
        user_agent: None,
    }
}

async fn probe_sessions(store: &RedisStore, session: &Session) -> Vec<Result<(), StoreError>> {
    let (user_id, id) = (session.user_id, session.id);
    let now = session.created_at;
    let seen = LastSeen {
        user_id,
        id,
        at: now,
    };
    let update = SessionUpdate::Renewal { expected: 0 };
    vec![
        store.insert_session(session).await,
        store
            .find_session(user_id, &session.digest, now)
            .await
            .map(drop),
        store.list_sessions(user_id, now).await.map(drop),
        store.update_session(session, update).await.map(drop),
        store.touch_sessions(&[seen]).await,
        store.delete_session(user_id, id).await.map(drop),
        store.ping().await,
    ]
}

async fn try_rate_limits(store: &RedisStore, now: Timestamp) -> Vec<Result<(), StoreError>> {
    let limits = [
        KeyedLimit::budget("doctor", Rate::new(1, 60), String::new()),
        KeyedLimit::backoff(None, "doctor".to_owned()),
    ];
    let mut results = Vec::new();
    for limit in &limits {
        results.push(store.acquire(limit, now).await.map(drop));
        results.push(store.release(limit, now).await);
        results.push(store.clear(limit).await.map(drop));
    }
    results
}

async fn durability(node: MultiplexedConnection) -> Vec<Diagnostic> {
    let Some(settings) = durability::read(node).await else {
        return vec![Diagnostic::warning(
            PERSISTENCE,
            "this user has no right to read the server's settings (`CONFIG GET`)",
            "make sure that maxmemory-policy is noeviction and persistence is on",
        )];
    };
    let memory = match settings.evicts() {
        false => Diagnostic::passed(
            MEMORY,
            "no eviction; new sessions are rejected when memory is full",
        ),
        true => Diagnostic::warning(
            MEMORY,
            format!(
                "sessions are evicted when memory is full ({})",
                settings.policy
            ),
            "set maxmemory-policy to noeviction",
        ),
    };
    let persistence = match (settings.has_log, settings.has_snapshots) {
        (true, _) => Diagnostic::passed(PERSISTENCE, "every write is logged to disk (appendonly)"),
        (false, true) => Diagnostic::passed(
            PERSISTENCE,
            "snapshots are written; a crash ends the sessions opened since the last one",
        ),
        (false, false) => Diagnostic::warning(
            PERSISTENCE,
            "persistence is off: a restart ends all sessions",
            "set appendonly to yes",
        ),
    };
    vec![memory, persistence]
}

async fn clocks(mut node: MultiplexedConnection, clock: &dyn Clock) -> Diagnostic {
    let requested_at = clock.now();
    let time = redis::cmd("TIME");
    let reply = time.query_async::<(i64, i64)>(&mut node).await;
    let theirs = reply.ok().and_then(|(seconds, micros)| {
        Timestamp::from_microsecond(seconds.saturating_mul(1_000_000).saturating_add(micros)).ok()
    });
    let Some(theirs) = theirs else {
        let hint = "grant the user the right to TIME";
        return Diagnostic::failed(CLOCK, "cannot read the server's time", hint);
    };
    let apart = theirs.duration_since(requested_at).abs();
    match apart > MAX_CLOCK_SKEW {
        false => Diagnostic::passed(CLOCK, "agrees with the clock of this machine"),
        true => Diagnostic::warning(
            CLOCK,
            format!("{} s off the clock of this machine", apart.as_secs()),
            "synchronize both machines (NTP). Nodes use the time of the database, and sessions store their own expiry",
        ),
    }
}
