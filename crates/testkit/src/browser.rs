//! Tests in Debian's Chromium, which Playwright controls. They are written for Node.js: a test is a function of a module,
//! which opens a `Browser` (`crates/testkit/browser/browser.mjs`) with a server.

use crate::process::{kill_with_parent, succeed};
use crate::repository::root;
use crate::servers::doorward_binary;
use crate::tools::{node_modules, target, tool};

/// Runs the function with this name of a module, whose path is relative to the repository.
///
/// # Panics
/// If it fails. The message has the URL and the text of the page, and the path of a picture.
#[track_caller]
pub fn run(module: &str, name: &str, variables: &[(&str, &str)]) {
    let mut node = tool("node");
    node.arg(root().join("crates/testkit/browser/run.mjs"))
        .arg(root().join(module))
        .arg(name)
        .env("NODE_PATH", node_modules())
        .env("DOORWARD_TEST_BINARY", doorward_binary())
        .env("DOORWARD_TEST_PICTURES", target().join("browser"))
        .envs(variables.iter().copied());
    succeed(&mut kill_with_parent(&node));
}
