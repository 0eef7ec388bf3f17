//! Reads the files, and runs the programs that read them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::Command;

pub use doorward_testkit::process::succeed;
pub use doorward_testkit::repository::root;
use doorward_testkit::tools::target;
use serde_json::Value;

/// Variables of an environment.
pub type Variables = BTreeMap<String, String>;

pub const COMPOSE: [&str; 2] = ["docker-compose.yml", "compose.mysql.yaml"];
/// The services of a compose file that run Doorward: the first node, and the one with TLS.
pub const NODES: [&str; 2] = ["doorward", "doorward-tls"];
pub const UNIT: &str = "deploy/systemd/doorward.service";
pub const CONFIGURATION: &str = "deploy/systemd/doorward.toml";
pub const SOCKET: &str = "deploy/systemd/doorward.socket";

pub fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The debug binary, which a run of all tests has built before this one.
pub fn binary() -> PathBuf {
    let path = target().join("debug/doorward");
    assert!(
        path.is_file(),
        "there is no {}: run `cargo build --features aws` first",
        path.display()
    );
    path
}

/// A program of `cargo xtask tools`, in the workspace's folder.
pub fn tool(name: &str) -> Command {
    let mut command = doorward_testkit::tools::tool(name);
    command.current_dir(root());
    command
}

/// A compose file as Docker Compose resolves it: merged, interpolated, with all defaults.
pub fn compose(file: &str) -> Value {
    compose_with(file, "/dev/null")
}

/// The same with the variables of a file.
pub fn compose_with(file: &str, env_file: &str) -> Value {
    let mut command = tool("docker-compose");
    command.args(["--file", file, "config", "--format", "json"]);
    // Only what is in the file: no variables and no .env of the developer.
    command.env_clear().env("PATH", "/usr/bin:/bin");
    command.args(["--no-path-resolution"]);
    let output = succeed(command.env("COMPOSE_ENV_FILES", env_file));
    let warnings = String::from_utf8_lossy(&output.stderr);
    assert!(warnings.is_empty(), "{file}: {warnings}");
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The services of a compose file that run Doorward.
pub fn nodes(file: &str) -> [Value; 2] {
    let stack = compose(file);
    NODES.map(|name| stack["services"][name].clone())
}

/// The environment of a node of a compose file: the image's variables, and those of the service.
pub fn node_variables(node: &Value) -> Variables {
    let mut all = image_variables();
    all.extend(variables(&node["environment"]));
    all
}

/// Every document of a YAML file.
pub fn yaml(file: &str) -> Vec<Value> {
    const LOAD: &str =
        "import json, sys, yaml; print(json.dumps(list(yaml.safe_load_all(open(sys.argv[1])))))";
    let output = succeed(tool("python").args(["-c", LOAD, file]));
    serde_json::from_slice(&output.stdout).unwrap()
}

/// The manifests, without kustomize's file.
pub fn manifests() -> Vec<String> {
    let mut found = Vec::new();
    for folder in ["deploy/kubernetes", "deploy/kubernetes/migrate"] {
        for entry in std::fs::read_dir(root().join(folder)).unwrap() {
            let name = entry.unwrap().file_name().into_string().unwrap();
            if name.ends_with(".yaml") && name != "kustomization.yaml" {
                found.push(format!("{folder}/{name}"));
            }
        }
    }
    found.sort();
    assert!(found.len() > 5, "{found:?}");
    found
}

/// A Dockerfile's instructions, with continued lines joined and without comments.
pub fn dockerfile() -> Vec<(String, String)> {
    let text = read("Dockerfile");
    let lines = text
        .lines()
        .filter(|line| !line.trim_start().starts_with('#'))
        .collect::<Vec<_>>()
        .join("\n")
        .replace("\\\n", " ");
    lines
        .lines()
        .filter_map(|line| line.trim().split_once(' '))
        .map(|(instruction, rest)| (instruction.to_owned(), rest.trim().to_owned()))
        .collect()
}

/// The value of the last instruction with this name.
pub fn instruction(name: &str) -> String {
    let all = dockerfile();
    let found = all
        .iter()
        .rev()
        .find(|(instruction, _)| instruction == name);
    found.unwrap_or_else(|| panic!("no {name}")).1.clone()
}

/// Variables that the image sets.
pub fn image_variables() -> Variables {
    let mut variables = Variables::new();
    for (_, rest) in dockerfile().iter().filter(|(name, _)| name == "ENV") {
        for pair in rest.split_whitespace() {
            let (name, value) = pair.split_once('=').unwrap();
            variables.insert(name.to_owned(), value.trim_matches('"').to_owned());
        }
    }
    variables
}

/// The string values of an object.
pub fn variables(object: &Value) -> Variables {
    let fields = object.as_object().unwrap_or_else(|| panic!("{object}"));
    fields
        .iter()
        .map(|(name, value)| {
            let text = value
                .as_str()
                .map_or_else(|| value.to_string(), str::to_owned);
            (name.clone(), text)
        })
        .collect()
}

/// The directives of the unit, in order.
pub fn unit() -> Vec<(String, String)> {
    read(UNIT)
        .lines()
        .filter(|line| !line.starts_with(['#', '[']))
        .filter_map(|line| line.split_once('='))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect()
}

/// The values of a directive.
pub fn directive(name: &str) -> Vec<String> {
    let all = unit();
    let such = all.into_iter().filter(|(directive, _)| directive == name);
    such.map(|(_, value)| value).collect()
}
