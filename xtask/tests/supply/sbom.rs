//! The bill of materials: valid by its schema, and complete.

use std::collections::BTreeSet;
use std::process::Command;

use doorward_testkit::process::{piped, succeed};
use doorward_testkit::repository::root;
use doorward_testkit::tools::{cargo, tool};
use serde_json::Value;

fn bill() -> String {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    xtask.env("SOURCE_DATE_EPOCH", "1700000000");
    let output = succeed(xtask.arg("sbom").current_dir(root()));
    String::from_utf8(output.stdout).unwrap()
}

/// An independent reader and the published schema of `CycloneDX` 1.6 accept it, and it is reproducible.
#[test]
fn the_sbom_is_valid_by_its_schema() {
    let bill = bill();
    assert!(
        bill == self::bill(),
        "two bills of materials of one tree differ"
    );
    assert!(bill.contains("\"timestamp\": \"2023-11-14T22:13:20Z\""));
    let script = "
import sys
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(sys.stdin.read())
sys.exit(f'{error}' if error else 0)
";
    let output = piped(tool("python").args(["-c", script]), &bill);
    assert!(output.status.success(), "{output:?}");
}

#[test]
fn the_sbom_lists_every_crate_with_its_licence_and_archive() {
    let bill: Value = serde_json::from_str(&bill()).unwrap();
    let components = bill["components"].as_array().unwrap();
    let listed: BTreeSet<String> = components
        .iter()
        .map(|part| format!("{} v{}", part["name"], part["version"]).replace('"', ""))
        .collect();
    let mut tree = cargo();
    tree.args(["tree", "--package", "doorward", "--locked", "--offline"]);
    tree.args(["--features", "aws"]);
    let output = succeed(tree.args(["--edges", "normal,build", "--prefix", "none"]));
    for line in String::from_utf8(output.stdout).unwrap().lines() {
        let words: Vec<_> = line.split(' ').take(2).collect();
        let is_itself = words[0] == "doorward" || line.starts_with('[') || line.is_empty();
        assert!(is_itself || listed.contains(&words.join(" ")), "{line}");
    }
    assert!(listed.iter().any(|name| name.starts_with("sqlite v3.")));
    for part in components {
        let license = part["licenses"][0].to_string();
        assert!(license.len() > r#"{"expression":""}"#.len(), "{part}");
        let is_ours = part["name"].as_str().unwrap().starts_with("doorward-");
        let is_brought_along = part["purl"].as_str().unwrap().starts_with("pkg:generic/");
        assert!(
            is_ours || is_brought_along || part["hashes"][0]["content"].is_string(),
            "{part}"
        );
    }
}

/// Code that is built with a C compiler is listed next to the crate that includes it.
#[test]
fn the_sbom_lists_code_in_c_and_assembler() {
    let bill: Value = serde_json::from_str(&bill()).unwrap();
    let needed_by = |reference: &str| {
        let all = bill["dependencies"].as_array().unwrap();
        let own = all
            .iter()
            .find(|one| one["ref"].as_str().unwrap().starts_with(reference));
        own.unwrap()["dependsOn"].to_string()
    };
    let mut tree = cargo();
    tree.args(["tree", "--package", "doorward", "--locked", "--offline"]);
    tree.args(["--edges", "normal,build", "--invert", "cc", "--depth", "1"]);
    let output = succeed(tree.args(["--prefix", "none", "--format", "{p}"]));
    let built: BTreeSet<String> = String::from_utf8(output.stdout)
        .unwrap()
        .lines()
        .filter(|line| line.contains(" v") && !line.starts_with("cc "))
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert!(!built.is_empty());
    for part in built {
        let needed = needed_by(&format!("pkg:cargo/{part}@"));
        assert!(
            needed.contains("pkg:generic/"),
            "{part} contains C code. Add it to VENDORED_CODE in xtask/src/tasks/sbom.rs"
        );
    }
    for (name, by) in [
        ("sqlite", "libsqlite3-sys"),
        ("boringssl", "ring"),
        ("fiat-crypto", "ring"),
    ] {
        let needed = needed_by(&format!("pkg:cargo/{by}@"));
        assert!(needed.contains(&format!("pkg:generic/{name}@")), "{needed}");
        let all = bill["components"].as_array().unwrap();
        let part = all.iter().find(|part| part["name"] == name).unwrap();
        let is_told =
            name == "sqlite" || part["properties"][0]["value"].as_str().unwrap().len() == 64;
        assert!(is_told, "{part}");
    }
}
