//! The man pages, read by mandoc.

use std::path::PathBuf;
use std::process::Command;

use doorward_testkit::servers::doorward_binary;
use tempfile::TempDir;

use crate::{outcome, stdout_of};

fn pages() -> (TempDir, Vec<PathBuf>) {
    let folder = tempfile::tempdir().unwrap();
    let mut man = Command::new(doorward_binary());
    stdout_of(man.args(["man", "--out"]).arg(folder.path()));
    let pages = std::fs::read_dir(folder.path()).unwrap();
    let mut pages: Vec<_> = pages.map(|page| page.unwrap().path()).collect();
    pages.sort();
    (folder, pages)
}

#[test]
fn mandoc_reports_nothing_for_any_page() {
    let (_folder, pages) = pages();
    assert!(pages.len() > 20, "{pages:?}");
    let mut mandoc = Command::new("mandoc");
    let linted = outcome(mandoc.args(["-T", "lint", "-W", "warning"]).args(&pages));
    let found =
        String::from_utf8(linted.stdout).unwrap() + &String::from_utf8_lossy(&linted.stderr);
    // A page has the version, and no date.
    let worth: Vec<_> = found
        .lines()
        .filter(|line| !line.contains("missing date"))
        .collect();
    assert!(worth.is_empty(), "{}", worth.join("\n"));
}

#[test]
fn a_man_page_has_the_text_of_help() {
    let (folder, _) = pages();
    for (page, reported) in [
        (
            "doorward",
            &["NAME", "doorward-user(1)", "healthcheck", "EXAMPLES"][..],
        ),
        (
            "doorward-user-list",
            &[
                "doorward user list",
                "--query",
                "Maximum number of users",
                "DOORWARD-USER-LIST(1)",
            ],
        ),
        (
            "doorward-serve",
            &[
                "--ephemeral",
                "DOORWARD_LISTEN=127.0.0.1:9000 doorward serve",
            ],
        ),
    ] {
        let file = folder.path().join(format!("{page}.1"));
        let shown = stdout_of(Command::new("mandoc").args(["-T", "ascii"]).arg(file));
        // Bold and underlined text is overstruck, as on a typewriter.
        let mut plain = String::new();
        for letter in shown.chars() {
            match letter {
                '\u{8}' => drop(plain.pop()),
                letter => plain.push(letter),
            }
        }
        for words in reported {
            assert!(plain.contains(words), "{page}: {words}: {plain}");
        }
    }
    let printed = stdout_of(Command::new(doorward_binary()).arg("man"));
    let kept = std::fs::read_to_string(folder.path().join("doorward.1")).unwrap();
    assert_eq!(printed, kept);
}
