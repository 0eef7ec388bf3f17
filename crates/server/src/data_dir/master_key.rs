//! The master key: from the configuration, or from a file that Doorward creates.

use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use doorward_domain::clock::RandomSource;
use doorward_domain::keys::MasterKey;
use doorward_domain::values::{Secret, Token};
use zeroize::Zeroizing;

use crate::config::Config;
use crate::data_dir::private_file::{self, Existing};

const FILE: &str = "master.key";
/// Parts of example secrets, in lower case.
const WELL_KNOWN_SECRETS: [&str; 18] = [
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

/// Returns why a configured master key is too weak, and what to do if it is in use; `None` if it is strong enough
/// (C-01).
pub fn configuration_error(secret: &str, data_dir: &Path) -> Option<String> {
    let reason = weakness(secret)?;
    let file = path(data_dir);
    let file = file.display();
    let mut message = format!(
        "`keys.master_key` (JWT_SECRET_KEY) {reason}. Generate one with `openssl rand -base64 48`, or remove the setting: then one is created in {file}"
    );
    // A shorter one was never accepted, so it cannot be in use.
    if secret.len() >= MasterKey::MIN_BYTES {
        message += &format!(
            ". If it is in use, stop all nodes, set a new one on all of them and run `doorward keys rotate` (users then remove and add their authenticator apps again); until then, move this one into {file} with mode 0600 on each node"
        );
    }
    Some(message)
}

/// Returns why a secret is weak, `None` if it does not look so. Its decoded form is checked as well: an example is
/// no better in base64.
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
        } else if WELL_KNOWN_SECRETS.into_iter().any(has) {
            Some("looks like an example")
        } else {
            None
        }
    })
}

/// The secret decoded from base64 and hex, as far as it is that.
fn decoded(secret: &str) -> impl Iterator<Item = Vec<u8>> {
    let bare = secret.trim().trim_end_matches('=');
    [
        STANDARD_NO_PAD.decode(bare).ok(),
        URL_SAFE_NO_PAD.decode(bare).ok(),
        hex::decode(bare).ok(),
    ]
    .into_iter()
    .flatten()
}

/// Returns the master key; creates one if there is neither a setting nor a file. If the database is in use, call
/// [`find`]: a new key opens nothing in it.
pub fn load(config: &Config, random: &dyn RandomSource) -> anyhow::Result<MasterKey> {
    let file = path(&config.data_dir);
    if config.master_key.is_none() && !file.exists() {
        make_data_dir(&config.data_dir)?;
        create(&file, random).with_context(|| format!("cannot create {}", file.display()))?;
    }
    find(config)?.context("the master key was deleted concurrently")
}

/// Returns the master key if there is one.
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

/// The file of the master key if none is configured.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// Creates the data folder with mode 0700.
pub fn make_data_dir(path: &Path) -> anyhow::Result<()> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.with_context(|| format!("cannot create the data folder {}", path.display()))
}

fn from_file(path: &Path) -> anyhow::Result<Secret<Vec<u8>>> {
    let metadata =
        std::fs::metadata(path).with_context(|| format!("cannot read {}", path.display()))?;
    if metadata.mode() & 0o077 != 0 {
        bail!(
            "other users can read {}. Run `chmod 600 {}`",
            path.display(),
            path.display()
        );
    }
    let text = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    Ok(Secret::new(text.trim_ascii().to_vec()))
}

/// Of two processes that start at the same time, one creates the file and both read it.
fn create(path: &Path, random: &dyn RandomSource) -> std::io::Result<()> {
    let key = Token::generate(random);
    let line = Zeroizing::new(format!("{}\n", key.expose()));
    private_file::write(path, line.as_bytes(), Existing::Keep, random)
}
