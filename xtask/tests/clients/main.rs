//! Clients of the API: the collection with newman, the `OpenAPI` document with Redocly's linter, the TypeScript
//! package with Node.js and in a browser, and the React example that uses it.
//!
//! They know only the binary and its address. To add a client: its module here, its programs in
//! `xtask/src/tools.rs` or `xtask/npm`, and its files in `clients`.

#![cfg(test)]

mod collection;
mod in_a_browser;
mod linter;
mod mutation_proxy;
mod on_lambda;
mod typescript;

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use doorward_testkit::servers::doorward_binary;
use serde_json::Value;

/// The folder `clients`.
fn clients() -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    root.expect("the workspace").join("clients")
}

/// The document that the binary prints, with this public URL if there is one.
fn document(public_url: Option<&str>) -> String {
    let mut command = Command::new(doorward_binary());
    command.arg("openapi").env_clear();
    if let Some(url) = public_url {
        command
            .env("DOORWARD_PUBLIC_URL", url)
            .env("DOORWARD_MAIL__URL", "log:");
    }
    let output = command.output().expect("the binary runs");
    assert!(output.status.success(), "{}", output_text(&output));
    String::from_utf8(output.stdout).expect("it is JSON")
}

/// Every operation of a document: its method in upper case, and its path.
fn operations(document: &Value) -> Vec<(String, &str)> {
    let paths = document["paths"].as_object().expect("it has paths");
    paths
        .iter()
        .flat_map(|(path, item)| {
            let methods = item.as_object().expect("operations by method").keys();
            methods.map(move |method| (method.to_uppercase(), path.as_str()))
        })
        .collect()
}

fn output_text(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}
