//! Opens the stores for a command, and closes them.

use anyhow::bail;

use crate::config::Config;
use crate::database::Database;
use crate::wiring::{self, Components};
use crate::worker;

/// Opens the stores for a command that needs existing data. Fails, and creates nothing, if the embedded
/// database does not exist: the command was probably typed in the wrong folder.
pub async fn open(config: &Config) -> anyhow::Result<Components> {
    require_database(config)?;
    open_or_create(config).await
}

/// Fails if the database is a file that does not exist.
pub fn require_database(config: &Config) -> anyhow::Result<()> {
    match Database::file(config) {
        Some(file) if Database::is_missing(config) => bail!(
            "No Doorward database at {}. Run `doorward serve` there first, or set DOORWARD_DATA_DIR",
            file.display()
        ),
        _ => Ok(()),
    }
}

/// Opens the stores for a command that may run next to a server, with one hashing thread. Like `serve`, it
/// applies pending migrations unless `database.migrate` is off.
pub async fn open_or_create(config: &Config) -> anyhow::Result<Components> {
    let mut config = config.clone();
    config.hashing.threads = 1;
    wiring::build(&config, config.listen).await
}

/// Seals the audit events of the command, since no server may be running, and closes the stores.
pub async fn finish(components: &Components) {
    worker::seal_remaining(components).await;
    components.close().await;
}
