//! The master key: from the configuration, or a file that this program makes for itself.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use doorward_domain::ports::Secrets;
use doorward_domain::tokens::MasterKey;
use doorward_domain::values::{Secret, Token};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::private_file::{self, Existing};

const FILE: &str = "master.key";
/// What examples and tutorials leave behind.
const KNOWN: [&str; 6] = [
    "change",
    "secret-key",
    "your-256-bit-secret",
    "supersecret",
    "example",
    "0123456789",
];

/// Why a configured master key is not good enough; none where it is (C-01).
pub fn fault(secret: &str) -> Option<String> {
    let reason = weakness(secret)?;
    Some(format!(
        "`keys.master_key` (JWT_SECRET_KEY) {reason}: make one with `openssl rand -base64 48`, or leave it out and one is made in the data folder"
    ))
}

/// What is wrong with a secret that somebody has chosen; none where nothing is seen.
pub fn weakness(secret: &str) -> Option<&'static str> {
    let distinct: std::collections::BTreeSet<_> = secret.chars().collect();
    let lower = secret.to_lowercase();
    if secret.len() < MasterKey::MIN_BYTES {
        Some("has fewer than 32 characters")
    } else if distinct.len() < 8 {
        Some("repeats a few characters")
    } else if KNOWN.iter().any(|known| lower.contains(known)) {
        Some("looks like an example")
    } else {
        None
    }
}

/// The master key of this server; where none is configured and no file is there, one is made.
pub fn load(config: &Config, secrets: &dyn Secrets) -> anyhow::Result<MasterKey> {
    let file = path(&config.data_dir);
    if config.master_key.is_none() && !file.exists() {
        create(&file, secrets).with_context(|| format!("cannot make {}", file.display()))?;
    }
    find(config)?.context("the master key is gone")
}

/// The master key, if there is one; makes none.
pub fn find(config: &Config) -> anyhow::Result<Option<MasterKey>> {
    let file = path(&config.data_dir);
    let secret = match &config.master_key {
        Some(secret) => Secret::new(secret.expose().clone().into_bytes()),
        None if !file.exists() => return Ok(None),
        None => from_file(&file)?,
    };
    let key = MasterKey::from_secret(secret).context("the master key has fewer than 32 bytes")?;
    Ok(Some(key))
}

/// Where the master key is kept when none is configured.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// Makes the data folder, for its owner alone.
pub fn make_data_dir(path: &Path) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.with_context(|| format!("cannot make the data folder {}", path.display()))
}

fn from_file(path: &Path) -> anyhow::Result<Secret<Vec<u8>>> {
    let metadata =
        std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if metadata.mode() & 0o077 != 0 {
        bail!(
            "{} can be read by others: run `chmod 600 {}`",
            path.display(),
            path.display()
        );
    }
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Secret::new(text.trim_ascii().to_vec()))
}

/// Of two that start at once one wins, and both read the winner's.
fn create(path: &Path, secrets: &dyn Secrets) -> std::io::Result<()> {
    let key = Token::generate(secrets);
    let line = Zeroizing::new(format!("{}\n", key.expose()));
    private_file::write(path, line.as_bytes(), Existing::Stays, secrets)
}
