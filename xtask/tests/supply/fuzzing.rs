//! Every parser of outside bytes has a fuzz target, and every target has seeds.

use std::collections::BTreeSet;

use doorward_testkit::repository::{root, tracked};

fn names(pattern: &str, part: usize) -> BTreeSet<String> {
    let of = |file: String| {
        let name = file.split('/').nth(part)?.to_owned();
        Some(name.trim_end_matches(".rs").to_owned())
    };
    tracked(&[pattern]).into_iter().filter_map(of).collect()
}

/// J-09, R-01, P-09, H-04, W-04: and each is in its crate's list, whose tests replay the seeds.
#[test]
fn every_target_has_seeds_and_is_listed() {
    let programs = names("fuzz/fuzz_targets/*.rs", 2);
    assert!(programs.len() >= 28, "{programs:?}");
    assert_eq!(programs, names("fuzz/corpus/*/*", 2));
    let manifest = std::fs::read_to_string(root().join("fuzz/Cargo.toml")).unwrap();
    let lists: String = tracked(&["crates/*/src/fuzzing.rs"])
        .iter()
        .map(|file| std::fs::read_to_string(root().join(file)).unwrap())
        .collect();
    for program in &programs {
        assert!(
            manifest.contains(&format!("name = \"{program}\"")),
            "{program}"
        );
        let row = format!("(\"{program}\", {program})");
        assert!(lists.contains(&row), "{program}");
    }
}

/// The product contains no fuzzing code.
#[test]
fn fuzzing_hooks_are_not_in_the_product() {
    for file in tracked(&["crates/*/src/**/*.rs", "crates/*/src/*.rs"]) {
        let text = std::fs::read_to_string(root().join(&file)).unwrap_or_default();
        let lines: Vec<_> = text.lines().collect();
        for (at, line) in lines.iter().enumerate() {
            if line.trim_end().ends_with("mod fuzzing;")
                || line.contains("fn of_bytes(bytes: &[u8]) -> Self")
            {
                let before = lines[at.saturating_sub(2)..at].concat();
                assert!(
                    before.contains("#[cfg(any(test, fuzzing))]"),
                    "{file}: {line}"
                );
            }
        }
    }
}
