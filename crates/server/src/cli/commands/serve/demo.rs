//! `doorward serve --demo`: a server to try. Its data is in a temporary folder, which is deleted at its end.

use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorward_domain::clock::RandomSource;
use doorward_domain::values::Secret;

/// A folder that only its owner can read. It is deleted when this value is dropped.
pub(super) struct DemoFolder(PathBuf);

impl DemoFolder {
    /// Creates a folder with a random name, so that no one else can have prepared it.
    pub(super) fn create(random: &dyn RandomSource) -> anyhow::Result<Self> {
        let mut id = [0; 8];
        random.fill(&mut id);
        let name = format!("doorward-demo-{:016x}", u64::from_le_bytes(id));
        let path = std::env::temp_dir().join(name);
        let created = DirBuilder::new().mode(0o700).create(&path);
        created.with_context(|| format!("cannot create the folder {}", path.display()))?;
        Ok(Self(path))
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for DemoFolder {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.0) {
            tracing::error!(%error, folder = %self.0.display(), "failed to delete the data of the demo");
        }
    }
}

/// Generates the key of the inbox: 128 random bits.
pub(super) fn generate_key(random: &dyn RandomSource) -> Secret<String> {
    let mut key = [0; 16];
    random.fill(&mut key);
    Secret::new(URL_SAFE_NO_PAD.encode(key))
}
