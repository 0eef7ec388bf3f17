//! `cargo xtask common-passwords`: generates the list of common passwords.
//!
//! The source is the list that Django ships to PyPI, the 20,000 most common passwords of public leaks, by Royce
//! Williams. The result contains those that the rules would otherwise accept: 8 characters and more, in lower
//! case, sorted by bytes for the lookup.

use std::process::Command;

use crate::run::{root, run};
use crate::tools;

const PACKAGE: &str = "Django==5.2.*";
const EXTRACT: &str = r"
import glob, gzip, sys, zipfile
wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + '/*.whl')[0])
name = next(n for n in wheel.namelist() if n.endswith('common-passwords.txt.gz'))
lines = gzip.decompress(wheel.read(name)).decode().splitlines()
kept = sorted({l.strip().lower() for l in lines if len(l.strip()) >= 8}, key=str.encode)
with open(sys.argv[2], 'w', encoding='utf-8') as out:
    out.write('\n'.join(kept) + '\n')
print(len(kept), 'passwords')
";

/// Downloads, filters, writes.
pub(crate) fn make() -> anyhow::Result<()> {
    tools::install()?;
    let folder =
        std::env::temp_dir().join(format!("doorward-common-passwords-{}", std::process::id()));
    std::fs::create_dir_all(&folder)?;
    let python = tools::python();
    run(Command::new(&python)
        .args([
            "-m",
            "pip",
            "download",
            "--quiet",
            "--no-deps",
            "--only-binary=:all:",
            "--dest",
        ])
        .arg(&folder)
        .arg(PACKAGE))?;
    let list = root().join("crates/domain/src/values/common-passwords.txt");
    let extracted = run(Command::new(&python)
        .args(["-c", EXTRACT])
        .arg(&folder)
        .arg(&list));
    std::fs::remove_dir_all(&folder)?;
    extracted
}
