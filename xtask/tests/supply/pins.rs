//! Every dependency has one pinned version.

use doorward_testkit::repository::root;
use serde_json::Value;

fn read(file: &str) -> String {
    std::fs::read_to_string(root().join(file)).unwrap()
}

#[test]
fn every_crate_is_from_one_registry_with_its_checksum() {
    let lock = read("Cargo.lock");
    let mut count = 0;
    for block in lock.split("[[package]]").skip(1) {
        let Some((_, source)) = block.split_once("source = ") else {
            continue;
        };
        assert!(
            source.starts_with("\"registry+https://github.com/rust-lang/crates.io-index\""),
            "{block}"
        );
        assert!(block.contains("\nchecksum = \""), "{block}");
        count += 1;
    }
    assert!(count > 250);
}

#[test]
fn every_file_names_the_same_toolchain() {
    let text = read("rust-toolchain.toml");
    let channel = text
        .lines()
        .find_map(|line| line.strip_prefix("channel = "));
    let numbers: Vec<_> = channel.unwrap().trim_matches('"').split('.').collect();
    assert_eq!(numbers.len(), 3);
    assert!(numbers.iter().all(|number| number.parse::<u32>().is_ok()));
}

#[test]
fn every_npm_and_pypi_package_has_its_digest() {
    let lock: Value = serde_json::from_str(&read("xtask/npm/package-lock.json")).unwrap();
    for (name, package) in lock["packages"].as_object().unwrap() {
        let digest = package["integrity"].as_str().unwrap_or_default();
        assert!(name.is_empty() || digest.starts_with("sha512-"), "{name}");
    }
    let locked = read("xtask/python/locked.txt");
    let locked: Vec<_> = locked
        .lines()
        .filter(|line| !line.starts_with('#'))
        .collect();
    for line in &locked {
        let (package, digest) = line.split_once(" --hash=sha256:").unwrap();
        assert!(package.contains("==") && digest.len() == 64, "{line}");
    }
    let tools = read("xtask/src/tools.rs");
    let (_, list) = tools.split_once("const PYPI: &[&str] = &[").unwrap();
    let (list, _) = list.split_once("];").unwrap();
    let packages: Vec<_> = list
        .lines()
        .filter_map(|line| line.trim().strip_prefix('"')?.strip_suffix("\","))
        .collect();
    assert!(packages.len() > 10 && locked.len() > packages.len());
    for package in packages {
        let (name, version) = package.split_once("==").unwrap();
        let name = name.split('[').next().unwrap();
        let own = format!("{name}=={version} ");
        assert!(
            locked.iter().any(|line| line.starts_with(&own)),
            "xtask/python/locked.txt has no {own}: docs/RELEASING.md describes how to generate it"
        );
    }
}

/// The workflow installs the versions of the lock file: it uses its lines, and contains no versions.
#[test]
fn the_workflow_installs_its_tools_from_the_lock_file() {
    let workflow = read(".github/workflows/ci.yml");
    let locked = read("xtask/python/locked.txt");
    let steps: Vec<_> = workflow.split("grep '^").skip(1).collect();
    assert_eq!(steps.len(), workflow.matches("/pip\" install").count());
    for step in steps {
        let (start, rest) = step.split_once("' xtask/python/locked.txt > ").unwrap();
        let taken: Vec<_> = locked
            .lines()
            .filter(|line| line.starts_with(start))
            .collect();
        assert_eq!(taken.len(), 1, "{start}");
        let file = rest.lines().next().unwrap();
        assert!(rest.contains(&format!("--requirement {file}")), "{file}");
        let (pinned, _) = taken[0].split_once(' ').unwrap();
        assert!(read("xtask/src/tools.rs").contains(pinned), "{pinned}");
    }
}
