//! Checks what cannot be run here: the program accepts each Doorward command line, and the files and packages in
//! it exist. Every variable name, on any page and run or not, is read by some code.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use doorward_testkit::servers::doorward_binary;

use crate::command_lines::{commands, without_variables};
use crate::pages::{Block, pages, root, succeed, tracked};

#[test]
fn commands_that_are_not_run_exist() {
    let verbs = verbs();
    let mut faults = Vec::new();
    for page in pages() {
        for block in page.blocks() {
            let Some(excuse) = &block.excuse else {
                continue;
            };
            println!("{}:{}: {}: {excuse}", page.path, block.line, block.language);
            if block.language != "sh" {
                continue;
            }
            let found = faults_of(&block, &verbs);
            faults.extend(found.map(|fault| format!("{}:{}: {fault}", page.path, block.line)));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

fn faults_of(block: &Block, verbs: &BTreeSet<String>) -> impl Iterator<Item = String> {
    let mut faults = Vec::new();
    for words in commands(&block.text) {
        if let Some(arguments) = ours(&words, verbs) {
            let output = Command::new(doorward_binary())
                .args(arguments)
                .arg("--help")
                .output()
                .unwrap();
            if !output.status.success() {
                let reported = String::from_utf8_lossy(&output.stderr).into_owned();
                faults.push(format!("doorward {}: {reported}", arguments.join(" ")));
            }
        }
        if without_variables(&words)
            .first()
            .is_some_and(|word| word == "cargo")
        {
            faults.extend(fault_of_cargo(&words));
        }
        faults.extend(missing(words.iter().map(String::as_str)));
    }
    let excuse = block.excuse.as_deref().unwrap_or_default();
    faults.extend(missing(excuse.split([' ', ',', ';'])));
    faults.into_iter()
}

/// The words that name a missing file of the repository.
fn missing<'a>(words: impl Iterator<Item = &'a str>) -> Vec<String> {
    const FOLDERS: [&str; 6] = [
        "deploy/",
        "docs/",
        "xtask/",
        "crates/",
        "examples/",
        "clients/",
    ];
    let is_file = |word: &&str| {
        let is_compose = *word == "docker-compose.yml"
            || (word.starts_with("compose.") && word.ends_with(".yaml"));
        is_compose || FOLDERS.iter().any(|folder| word.starts_with(folder))
    };
    let gone = words
        .filter(is_file)
        .filter(|word| !root().join(word).exists());
    gone.map(|word| format!("{word} does not exist")).collect()
}

/// The arguments of Doorward in a command line, with any wrapper.
fn ours<'a>(words: &'a [String], verbs: &BTreeSet<String>) -> Option<&'a [String]> {
    let words = without_variables(words);
    let is_ours = |word: &String| word == "doorward" || word.ends_with("/doorward");
    let first = words.first()?;
    if is_ours(first) {
        return Some(&words[1..]);
    }
    if first == "cargo" && words.get(1)? == "run" {
        let bar = words.iter().position(|word| word == "--")?;
        return Some(&words[bar + 1..]);
    }
    let last = words.iter().rposition(is_ours)?;
    let verb = words.get(last + 1)?;
    verbs.contains(verb).then(|| &words[last + 1..])
}

/// The subcommands of Doorward.
fn verbs() -> BTreeSet<String> {
    let help = succeed(Command::new(doorward_binary()).arg("--help"));
    let help = String::from_utf8(help.stdout).unwrap();
    // In groups, between the usage and the options.
    let (list, _) = help.split_once("\nOptions:\n").unwrap();
    let verbs: BTreeSet<_> = list
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect();
    assert!(verbs.contains("serve") && verbs.len() > 8, "{verbs:?}");
    verbs
}

/// Checks that packages, test binaries and tasks exist.
fn fault_of_cargo(words: &[String]) -> Option<String> {
    let after = |option: &str| {
        let place = words.iter().position(|word| word == option)?;
        words.get(place + 1)
    };
    if words.get(1).is_some_and(|word| word == "xtask") {
        let task = words.get(2)?;
        let usage = std::fs::read_to_string(root().join("xtask/src/main.rs")).unwrap();
        let is_known = usage.contains(&format!("Some(\"{task}\")"));
        return (!is_known).then(|| format!("cargo xtask has no task {task}"));
    }
    let package = after("-p").or_else(|| after("--package"))?;
    let Some(place) = folder_of(package) else {
        return Some(format!("there is no package {package}"));
    };
    let test = after("--test")?;
    let folder = place.join("tests");
    let is_there = folder.join(test).is_dir() || folder.join(format!("{test}.rs")).is_file();
    (!is_there).then(|| format!("{package} has no test {test}"))
}

/// Folder of a workspace package.
fn folder_of(package: &str) -> Option<PathBuf> {
    let name = format!("name = \"{package}\"");
    let manifests = tracked(&["Cargo.toml", "*/Cargo.toml"]);
    let mut paths = manifests.iter().map(|manifest| root().join(manifest));
    let is_its = |path: &PathBuf| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.lines().any(|line| line == name)
    };
    paths.find(is_its)?.parent().map(Path::to_owned)
}

/// A command in a sentence can be typed.
#[test]
fn commands_in_sentences_exist() {
    let verbs = verbs();
    let mut seen = BTreeSet::new();
    let mut faults = Vec::new();
    for page in pages() {
        for code in page.prose().split('`').skip(1).step_by(2) {
            let is_command = ["doorward ", "cargo xtask ", "cargo test "]
                .iter()
                .any(|start| code.starts_with(start));
            // Some are patterns for several commands, some contain a placeholder.
            let is_word = |word: &str| word.bytes().any(|byte| !byte.is_ascii_uppercase());
            let is_whole = !code.contains(['…', '|', '[', '*', '\n']);
            let is_whole = is_whole && code.split(' ').all(is_word);
            if is_command && is_whole && seen.insert(code.to_owned()) {
                let block = Block {
                    language: "sh".to_owned(),
                    line: 0,
                    text: code.to_owned(),
                    excuse: None,
                };
                let found = faults_of(&block, &verbs);
                faults.extend(found.map(|fault| format!("{}: {fault}", page.path)));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// `DOORWARD_…` is a setting, or a variable of the tests or examples that their code reads.
#[test]
fn every_variable_is_read_by_a_program() {
    let settings = std::fs::read_to_string(root().join("docs/CONFIGURATION.md")).unwrap();
    let mut known: BTreeSet<String> = names(&settings).collect();
    assert!(known.contains("DOORWARD_LISTEN"), "{known:?}");
    // The pattern of a variable's name.
    known.insert("DOORWARD_SECTION__KEY".to_owned());
    for file in tracked(&[
        "crates",
        "xtask",
        "examples",
        "clients",
        "deploy",
        "compose*.yaml",
        "docker-compose.yml",
        "install.sh",
    ]) {
        if Path::new(&file).extension().is_none_or(|kind| kind != "md") {
            let text = std::fs::read_to_string(root().join(&file)).unwrap_or_default();
            // Doorward's own settings are only those in the table.
            let of_code = names(&text)
                .filter(|name| name.starts_with("DOORWARD_TEST_") || !file.starts_with("crates/"));
            known.extend(of_code);
        }
    }
    let mut unknown = Vec::new();
    for page in pages() {
        let strange = names(&page.text).filter(|name| !known.contains(name));
        unknown.extend(strange.map(|name| format!("{}: {name}", page.path)));
    }
    assert!(unknown.is_empty(), "{unknown:?}");
}

/// All complete names that start with `DOORWARD_`.
fn names(text: &str) -> impl Iterator<Item = String> {
    text.split(|character: char| !character.is_ascii_alphanumeric() && character != '_')
        .filter(|word| word.starts_with("DOORWARD_") && !word.ends_with('_'))
        .map(str::to_owned)
}

#[test]
fn a_wrong_command_is_detected_without_running_it() {
    let verbs = verbs();
    let block = |text: &str| Block {
        language: "sh".to_owned(),
        line: 1,
        text: text.to_owned(),
        excuse: Some("a test".to_owned()),
    };
    let faults = |text: &str| faults_of(&block(text), &verbs).count();
    for right in [
        "docker compose exec doorward doorward doctor --json",
        "docker build --tag doorward .",
        "sudo install target/release/doorward /usr/local/bin/doorward",
        "psql -Atc 'select 1' > x && doorward import users.jsonl --format supabase",
        "cargo test -p doorward-domain --test it sign_up   # the rules",
        "kubectl apply --filename deploy/kubernetes/namespace.yaml",
    ] {
        assert_eq!(faults(right), 0, "{right}");
    }
    for wrong in [
        "docker compose exec doorward doorward doctor --jason",
        "doorward serf",
        "X=1 doorward import --formats django users.json",
        "cargo test -p doorward-domains",
        "cargo test -p doorward-domain --test its",
        "cargo xtask tests",
        "kubectl apply --filename deploy/kubernetes/names.yaml",
    ] {
        assert_eq!(faults(wrong), 1, "{wrong}");
    }
}
