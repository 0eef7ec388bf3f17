//! For build scripts: compiles in the files of a folder, so that a new page, mail or language is a new file
//! and no list names it.

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

/// Writes `FOLDER.rs` into `OUT_DIR`: a slice with the name and the text of each file of the package's folder
/// whose name has one of the extensions, sorted by name. The name of a file in a subfolder is `SUBFOLDER/NAME`. It has
/// no absolute paths, since a target folder can be shared by clones.
pub fn folder(folder: &str, extensions: &[&str]) {
    println!("cargo::rerun-if-changed={folder}");
    let mut files = Vec::new();
    collect(Path::new(folder), &mut files);
    files.sort();
    let mut list = String::new();
    for file in files {
        let extension = file.extension().and_then(|extension| extension.to_str());
        if extension.is_some_and(|extension| extensions.contains(&extension)) {
            let name = file.strip_prefix(folder).expect("it is in the folder");
            let name = name.to_string_lossy().replace('\\', "/");
            let text = fs::read_to_string(&file).expect("the file can be read");
            writeln!(list, "({name:?}, {text:?}),").expect("a string can be written to");
        }
    }
    #[expect(clippy::disallowed_methods, reason = "Cargo passes the folder so")]
    let target = std::env::var("OUT_DIR").expect("Cargo sets it");
    fs::write(
        Path::new(&target).join(folder).with_extension("rs"),
        format!("&[\n{list}]"),
    )
    .expect("the folder can be written to");
}

/// Collects the files of a folder and its subfolders.
fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("the package has the folder") {
        let path = entry.expect("the folder can be read").path();
        match path.is_dir() {
            true => collect(&path, files),
            false => files.push(path),
        }
    }
}
