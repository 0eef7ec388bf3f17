//! Whether what Redis is told stays there (C-09): what it does when its memory is full, and whether
//! it writes to disk.

use redis::aio::MultiplexedConnection;

use crate::link::soon;

/// Whether a server shows its settings.
pub(crate) enum Visibility {
    /// It would not say.
    Hidden,
    /// The settings.
    Settings(Settings),
}

pub(crate) struct Settings {
    /// What is thrown away when memory is full.
    pub(crate) policy: String,
    /// How much memory it may use; zero is all there is.
    pub(crate) max_memory: String,
    /// Whether it keeps a log of every write.
    pub(crate) has_log: bool,
    /// Whether it writes snapshots.
    pub(crate) has_snapshots: bool,
}

impl Settings {
    /// Whether full memory costs sessions.
    pub(crate) fn evicts(&self) -> bool {
        self.policy != "noeviction" && self.max_memory != "0"
    }

    pub(crate) fn persists(&self) -> bool {
        self.has_log || self.has_snapshots
    }
}

/// Logs what an operator had better change.
pub(crate) async fn warn(node: MultiplexedConnection) {
    let settings = match look(node).await {
        Visibility::Settings(settings) => settings,
        Visibility::Hidden => {
            tracing::info!(
                "this Redis does not show its settings: see to it that maxmemory-policy is noeviction and that it persists"
            );
            return;
        }
    };
    if settings.evicts() {
        tracing::warn!(
            policy = settings.policy,
            "Redis throws keys away when its memory is full, and people are signed out: set maxmemory-policy to noeviction"
        );
    }
    if !settings.persists() {
        tracing::warn!(
            "Redis writes nothing to disk, so a restart of it ends all sessions: turn on appendonly"
        );
    }
}

/// Asks for the settings. The rights to see them are seldom given, and not needed.
pub(crate) async fn look(mut node: MultiplexedConnection) -> Visibility {
    let mut ask = async |name: &str| {
        let mut command = redis::cmd("CONFIG");
        command.arg("GET").arg(name);
        let answer = soon(command.query_async::<Vec<(String, String)>>(&mut node)).await;
        answer
            .ok()
            .and_then(|pairs| pairs.into_iter().next())
            .map(|(_, value)| value)
    };
    let (Some(policy), Some(max_memory)) = (ask("maxmemory-policy").await, ask("maxmemory").await)
    else {
        return Visibility::Hidden;
    };
    let (Some(log), Some(snapshots)) = (ask("appendonly").await, ask("save").await) else {
        return Visibility::Hidden;
    };
    Visibility::Settings(Settings {
        policy,
        max_memory,
        has_log: log == "yes",
        has_snapshots: !snapshots.is_empty(),
    })
}
