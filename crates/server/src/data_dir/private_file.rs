//! Writes files with secrets: mode 0600, and atomically.

use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use doorward_domain::ports::Secrets;

/// Treatment of an existing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Keep it: of two concurrent writers the first one wins.
    Stays,
    /// Replace it.
    Goes,
}

/// Writes to a temporary name in the same folder and renames it, so that a crash leaves no partial file.
pub fn write(
    path: &Path,
    contents: &[u8],
    existing: Existing,
    secrets: &dyn Secrets,
) -> io::Result<()> {
    let mut suffix = [0; 8];
    secrets.fill(&mut suffix);
    let draft = path.with_extension(format!("{:016x}", u64::from_le_bytes(suffix)));
    let written = draw_up(&draft, contents).and_then(|()| match existing {
        Existing::Stays => match std::fs::hard_link(&draft, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => std::fs::remove_file(&draft),
        },
        Existing::Goes => std::fs::rename(&draft, path),
    });
    if let Err(error) = written {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&draft);
        return Err(error);
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    std::fs::File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

fn draw_up(draft: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(draft)?;
    file.write_all(contents)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use doorward_domain::memory::SeededSecrets;

    use super::*;

    #[test]
    fn a_file_has_mode_0600_and_a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, secrets) = (folder.path().join("key.pem"), SeededSecrets::new(1));
        write(&path, b"one", Existing::Stays, &secrets).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        write(&path, b"two", Existing::Stays, &secrets).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        write(&path, b"two", Existing::Goes, &secrets).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        // A folder is in the way.
        let taken = folder.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        assert!(write(&taken, b"three", Existing::Goes, &secrets).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
