//! The master key: from the configuration, or a file that this program makes for itself.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use doorward_domain::ports::Secrets;
use doorward_domain::tokens::MasterKey;
use doorward_domain::values::{Secret, Token};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::private_file::{self, Existing};

const FILE: &str = "master.key";
/// What examples and tutorials leave behind, in small letters.
const KNOWN: [&str; 18] = [
    "change",
    "replace",
    "secret-key",
    "secret_key",
    "secretkey",
    "jwt-secret",
    "jwt_secret",
    "your-256-bit-secret",
    "string-secret",
    "supersecret",
    "django-insecure",
    "example",
    "password",
    "qwerty",
    "0123456789",
    "1234567890",
    "abcdefgh",
    // FastAPI's tutorial.
    "09d25e094faa6ca2556c818166b7a956",
];

/// Why a configured master key is not good enough, and how to go on with one that is in use; none where it is good
/// (C-01). What is in the file, Doorward made, or somebody put there who was told of it.
pub fn fault(secret: &str, data_dir: &Path) -> Option<String> {
    let reason = weakness(secret)?;
    let file = path(data_dir);
    let file = file.display();
    let mut told = format!(
        "`keys.master_key` (JWT_SECRET_KEY) {reason}: make one with `openssl rand -base64 48`, or leave it out and one is made in {file}"
    );
    // A shorter one was never taken.
    if secret.len() >= MasterKey::MIN_BYTES {
        told += &format!(
            ". Where it is in use already, stop all nodes, give them all a new one, and run `doorward keys rotate`; until then, write this one into {file} on each of them, `chmod 600` it, and take it out of the configuration"
        );
    }
    Some(told)
}

/// What is wrong with a secret that somebody has chosen; none where nothing is seen. What it decodes to is
/// judged like itself: an example is no better in base64.
pub fn weakness(secret: &str) -> Option<&'static str> {
    if secret.len() < MasterKey::MIN_BYTES {
        return Some("has fewer than 32 characters");
    }
    let forms = std::iter::once(secret.as_bytes().to_vec()).chain(decoded(secret));
    forms.map(Zeroizing::new).find_map(|form| {
        let distinct: std::collections::BTreeSet<_> = form.iter().collect();
        let lower = form.to_ascii_lowercase();
        let has = |known: &str| {
            lower
                .windows(known.len())
                .any(|part| part == known.as_bytes())
        };
        if distinct.len() < 8 {
            Some("repeats a few characters")
        } else if KNOWN.into_iter().any(has) {
            Some("looks like an example")
        } else {
            None
        }
    })
}

/// What it stands for, if it is base64 or hex.
fn decoded(secret: &str) -> impl Iterator<Item = Vec<u8>> {
    let bare = secret.trim().trim_end_matches('=');
    let hex = bare.len().is_multiple_of(2).then(|| {
        let pairs = bare.as_bytes().chunks_exact(2);
        let byte = |pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        pairs.map(byte).collect::<Option<Vec<u8>>>()
    });
    [
        STANDARD_NO_PAD.decode(bare).ok(),
        URL_SAFE_NO_PAD.decode(bare).ok(),
        hex.flatten(),
    ]
    .into_iter()
    .flatten()
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
