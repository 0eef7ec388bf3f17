//! Checks Redis for `doorward doctor`. Writes nothing.

use doorward_domain::diagnostics::Diagnostic;
use redis::aio::MultiplexedConnection;

use crate::fault::RedisFault;
use crate::{RedisSettings, connection, durability};

const REACHABILITY: &str = "redis";
const TLS: &str = "redis: TLS";
const MEMORY: &str = "redis: memory";
const PERSISTENCE: &str = "redis: persistence";

/// Checks Redis.
pub async fn diagnose(settings: &RedisSettings) -> Vec<Diagnostic> {
    let opened = match connection::open(&settings.url).await {
        Ok(opened) => opened,
        Err(error) => return vec![unusable(&error)],
    };
    let hosts = settings.url.host_names();
    let message = format!("version {}, {}, at {hosts}", opened.version, opened.mode);
    let mut diagnostics = vec![Diagnostic::passed(REACHABILITY, message), tls(settings)];
    diagnostics.extend(durability(opened.node).await);
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
