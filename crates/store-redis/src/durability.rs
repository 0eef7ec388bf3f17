//! Checks whether Redis may lose sessions (C-09): by eviction when its memory is full, or because it does not
//! write to disk.

use redis::aio::MultiplexedConnection;

pub(crate) struct Settings {
    /// `maxmemory-policy`: which keys are evicted when memory is full.
    pub(crate) policy: String,
    /// `maxmemory` in bytes. 0 if there is no limit.
    pub(crate) max_memory: String,
    /// `true` if every write is logged to disk.
    pub(crate) has_log: bool,
    /// `true` if snapshots are written.
    pub(crate) has_snapshots: bool,
}

impl Settings {
    /// Returns `true` if sessions are evicted when memory is full.
    pub(crate) fn evicts(&self) -> bool {
        self.policy != "noeviction" && self.max_memory != "0"
    }

    pub(crate) fn persists(&self) -> bool {
        self.has_log || self.has_snapshots
    }
}

/// Logs settings that lose sessions.
pub(crate) async fn warn(node: MultiplexedConnection) {
    let Some(settings) = read(node).await else {
        tracing::info!(
            "cannot read Redis settings. Make sure that maxmemory-policy is noeviction and persistence is on"
        );
        return;
    };
    if settings.evicts() {
        tracing::warn!(
            policy = settings.policy,
            "Redis may evict sessions when memory is full. Set maxmemory-policy to noeviction"
        );
    }
    if !settings.persists() {
        tracing::warn!("Redis persistence is off: a restart ends all sessions. Turn on appendonly");
    }
}

/// Reads the settings. `None` without the right to read them, which is not required.
pub(crate) async fn read(mut node: MultiplexedConnection) -> Option<Settings> {
    let mut get = async |name: &str| {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg(name);
        let pairs: Vec<(String, String)> = command.query_async(&mut node).await.ok()?;
        pairs.into_iter().next().map(|(_, value)| value)
    };
    Some(Settings {
        policy: get("maxmemory-policy").await?,
        max_memory: get("maxmemory").await?,
        has_log: get("appendonly").await? == "yes",
        has_snapshots: !get("save").await?.is_empty(),
    })
}
