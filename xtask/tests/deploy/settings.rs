//! Doorward knows every variable and key that a file sets, and the binary accepts them together.

use std::collections::BTreeSet;
use std::path::Path;
use std::process::{Command, Output};

use crate::files::{
    COMPOSE, NODES, Variables, binary, compose, compose_with, directive, image_variables,
    node_variables, nodes, read, root, succeed, variables, yaml,
};

/// A valid `JWT_SECRET_KEY`.
const MASTER_KEY: &str = "kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjPaC6oI0";

/// The columns "key" and "variable" of the configuration reference, which is generated from the binary's table.
fn reference() -> (BTreeSet<String>, BTreeSet<String>) {
    let text = read("docs/CONFIGURATION.md");
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    let (mut keys, mut names) = (BTreeSet::new(), BTreeSet::new());
    for row in rows {
        let cells: Vec<_> = row.split(" | ").collect();
        let quoted = |cell: &str| -> Vec<String> {
            cell.split('`')
                .skip(1)
                .step_by(2)
                .map(str::to_owned)
                .collect()
        };
        keys.extend(quoted(cells[0]));
        names.extend(quoted(cells[1]));
    }
    assert!(keys.len() > 20 && names.contains("DATABASE_URL"));
    (keys, names)
}

/// Each place that sets variables for Doorward, with the variables.
fn environments() -> Vec<(String, Variables)> {
    let mut found = Vec::new();
    for file in COMPOSE {
        for (name, node) in NODES.iter().zip(nodes(file)) {
            found.push((format!("{file}: {name}"), node_variables(&node)));
        }
    }
    found.push(("the unit".to_owned(), unit_variables()));
    let mut all = image_variables();
    all.extend(variables(
        &yaml("deploy/kubernetes/configmap.yaml")[0]["data"],
    ));
    all.extend(variables(
        &yaml("deploy/kubernetes/secret.example.yaml")[0]["stringData"],
    ));
    found.push(("the manifests".to_owned(), all));
    found
}

fn unit_variables() -> Variables {
    directive("Environment")
        .iter()
        .map(|pair| pair.split_once('=').unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// `doorward config check` in a separate folder, with only these variables.
fn check(variables: &Variables, arguments: &[&str]) -> Output {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(binary());
    command.args(["config", "check"]).args(arguments);
    command
        .current_dir(folder.path())
        .env_clear()
        .envs(variables);
    command.output().unwrap()
}

#[track_caller]
fn accepted(at: &str, variables: &Variables, arguments: &[&str]) {
    let output = check(variables, arguments);
    let reported = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{at}: {reported}");
}

#[test]
fn every_variable_that_is_set_exists() {
    let (_, names) = reference();
    for (at, variables) in environments() {
        for name in variables.keys() {
            assert!(
                names.contains(name),
                "{at} sets {name}, which Doorward does not read"
            );
        }
    }
    let (keys, _) = reference();
    let mut section = String::new();
    let file = read("deploy/systemd/doorward.toml");
    // Lines that are commented out are settings as well.
    for line in file.lines().map(|line| line.trim_start_matches('#')) {
        if let Some(name) = line.strip_prefix('[') {
            section = format!("{}.", name.trim_end_matches(']'));
        } else if let Some((key, _)) = line.split_once(" = ") {
            let key = format!("{section}{key}");
            assert!(keys.contains(&key), "doorward.toml has {key}");
        }
    }
}

#[test]
fn the_binary_accepts_each_environment_unchanged() {
    for (at, mut variables) in environments() {
        if at == "the manifests" {
            // The unchanged example must not be accepted as a secret.
            let refused = check(&variables, &[]);
            let reported = String::from_utf8_lossy(&refused.stderr);
            assert!(
                !refused.status.success() && reported.contains("JWT_SECRET_KEY"),
                "{reported}"
            );
            for value in variables.values_mut().filter(|value| *value == "REPLACE") {
                MASTER_KEY.clone_into(value);
            }
        }
        let file = root()
            .join("deploy/systemd/doorward.toml")
            .display()
            .to_string();
        let arguments = match at.as_str() {
            "the unit" => &["--config", file.as_str()][..],
            _ => &[],
        };
        accepted(&at, &variables, arguments);
        // The check is effective: a misspelled name fails it.
        variables.insert("DOORWARD_PUBLIC_ULR".to_owned(), "x".to_owned());
        assert!(!check(&variables, arguments).status.success(), "{at}");
    }
}

/// Without its required settings the image reports them instead of starting.
#[test]
fn the_image_reports_missing_required_settings() {
    let refused = check(&image_variables(), &[]);
    let reported = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success());
    for name in ["DOORWARD_PUBLIC_URL", "SMTP_URL"] {
        assert!(reported.contains(name), "{reported}");
    }
}

/// Variables that the compose files read from the shell or from `.env`.
fn interpolated() -> BTreeSet<String> {
    let of_file = |file| {
        let text = read(file);
        let starts = text.split("${").skip(1);
        let names = starts.map(|rest| rest.split(':').next().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    COMPOSE.into_iter().flat_map(of_file).collect()
}

/// The names in `.env.example`, each with `true` if the line above it is a comment.
fn example() -> Vec<(String, bool)> {
    let text = read(".env.example");
    let lines: Vec<_> = text.lines().collect();
    let is_comment = |at: usize| at > 0 && lines[at - 1].starts_with("# ");
    let names = lines.iter().enumerate().filter_map(|(at, line)| {
        let (name, _) = line.split_once('=').filter(|_| !line.starts_with('#'))?;
        Some((name.to_owned(), is_comment(at)))
    });
    names.collect()
}

#[test]
fn the_example_of_env_has_every_variable_of_the_compose_files_and_explains_each() {
    let names: BTreeSet<_> = example().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, interpolated());
    let (_, settings) = reference();
    for name in ["DATABASE_URL", "ADMIN_PASSWORD", "JWT_SECRET_KEY"] {
        assert!(names.contains(name) && settings.contains(name), "{name}");
    }
    // A misspelled setting would look like a variable of the compose files only.
    for name in names.iter().filter(|name| !settings.contains(*name)) {
        let is_of_compose =
            name.ends_with("_PORT") || name.starts_with("POSTGRES_") || name.starts_with("MYSQL_");
        assert!(is_of_compose, "{name} is no setting");
    }
    for (name, is_explained) in example() {
        assert!(is_explained, "{name}");
    }
}

/// Copied to `.env` it changes nothing: neither a server in that folder nor the stacks.
#[test]
fn an_unchanged_copy_of_the_example_of_env_is_accepted_and_sets_only_defaults() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join(".env"), read(".env.example")).unwrap();
    let mut check = Command::new(binary());
    check.args(["config", "check"]).env_clear();
    succeed(check.current_dir(folder.path()));
    for file in COMPOSE {
        assert_eq!(compose_with(file, ".env.example"), compose(file), "{file}");
    }
}

/// Every document and file outside the code that contains one of Doorward's variables.
#[test]
fn every_documented_variable_exists() {
    let (_, names) = reference();
    let install = read("install.sh");
    let mut seen = 0;
    for file in documents() {
        let text = std::fs::read_to_string(&file).unwrap();
        let is_part = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
        for word in text.split(|c: char| !is_part(c)) {
            let is_ours = word.starts_with("DOORWARD_")
                && !word.starts_with("DOORWARD_TEST_")
                && !word.starts_with("DOORWARD_SECTION")
                && !word.ends_with('_');
            if is_ours {
                seen += 1;
                let is_known = names.contains(word) || install.contains(word);
                assert!(is_known, "{}: {word}", file.display());
            }
        }
    }
    assert!(seen > 20, "{seen}");
}

fn documents() -> Vec<std::path::PathBuf> {
    let mut found: Vec<_> = ["README.md", "CONTRIBUTING.md", "SECURITY.md", "Dockerfile"]
        .into_iter()
        .chain(COMPOSE)
        .map(|name| root().join(name))
        .collect();
    let mut folders = vec![root().join("docs"), root().join("deploy")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let is_text = path.extension().is_some_and(|ending| {
                ["md", "yaml", "toml", "service"]
                    .iter()
                    .any(|known| ending == *known)
            });
            if path.is_dir() {
                folders.push(path);
            } else if is_text && path != Path::new("docs/CONFIGURATION.md") {
                found.push(path);
            }
        }
    }
    found
}
