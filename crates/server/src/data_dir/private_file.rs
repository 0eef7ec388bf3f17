//! Writes files with secrets: mode 0600, and atomically.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use doorward_domain::clock::RandomSource;

/// Treatment of an existing file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Existing {
    /// Keep it: of two concurrent writers the first one wins.
    Keep,
    /// Replace it.
    Replace,
}

/// Writes to a temporary name in the same folder and renames it, so that a crash leaves no partial file.
pub fn write(
    path: &Path,
    contents: &[u8],
    existing: Existing,
    random: &dyn RandomSource,
) -> io::Result<()> {
    let mut suffix = [0; 8];
    random.fill(&mut suffix);
    let draft = path.with_extension(format!("{:016x}", u64::from_le_bytes(suffix)));
    let written = write_temp(&draft, contents).and_then(|()| match existing {
        Existing::Keep => match std::fs::hard_link(&draft, path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => std::fs::remove_file(&draft),
        },
        Existing::Replace => std::fs::rename(&draft, path),
    });
    if let Err(error) = written {
        // The first error is the one to report.
        let _ = std::fs::remove_file(&draft);
        return Err(error);
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    File::open(folder.unwrap_or(Path::new(".")))?.sync_all()
}

/// Creates a file that only its owner may read (C-01). Fails if it exists.
pub fn create_new(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.write(true).create_new(true).mode(0o600).open(path)
}

fn write_temp(draft: &Path, contents: &[u8]) -> io::Result<()> {
    let mut file = create_new(draft)?;
    file.write_all(contents)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::MetadataExt;

    use doorward_domain::memory::SeededRandom;

    use super::*;

    #[test]
    fn a_file_has_mode_0600_and_a_failure_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (path, random) = (folder.path().join("key.pem"), SeededRandom::new(1));
        write(&path, b"one", Existing::Keep, &random).unwrap();
        assert_eq!(std::fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        write(&path, b"two", Existing::Keep, &random).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"one");
        write(&path, b"two", Existing::Replace, &random).unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"two");
        // A folder is in the way.
        let taken = folder.path().join("taken");
        std::fs::create_dir(&taken).unwrap();
        assert!(write(&taken, b"three", Existing::Replace, &random).is_err());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
