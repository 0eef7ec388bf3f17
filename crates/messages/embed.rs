//! For build scripts: compiles in the files of a folder, so that a new page, mail or language is a new file
//! and no list names it.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

/// Writes `FOLDER.rs` into `OUT_DIR`: a slice with the name and the text of each file of the package's folder
/// whose name has one of the extensions, sorted by name.
pub fn folder(folder: &str, extensions: &[&str]) {
    println!("cargo::rerun-if-changed={folder}");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(folder);
    let entries = fs::read_dir(&path).expect("the package has the folder");
    let mut files: Vec<_> = entries
        .map(|entry| entry.expect("the folder can be read").path())
        .filter(|file| {
            let extension = file.extension().and_then(|extension| extension.to_str());
            extension.is_some_and(|extension| extensions.contains(&extension))
        })
        .collect();
    files.sort();
    let mut list = String::from("&[\n");
    for file in files {
        let name = file.file_name().expect("a file has a name");
        writeln!(list, "({name:?}, include_str!({file:?})),").expect("a string can be written to");
    }
    list.push(']');
    #[expect(clippy::disallowed_methods, reason = "Cargo passes the folder so")]
    let target = std::env::var("OUT_DIR").expect("Cargo sets it");
    fs::write(Path::new(&target).join(folder).with_extension("rs"), list)
        .expect("the folder can be written to");
}
