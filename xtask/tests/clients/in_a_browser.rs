//! The TypeScript client and the React example in Chromium. The example uses the package as npm would publish it.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use doorward_testkit::browser;
use doorward_testkit::port::Port;
use doorward_testkit::process::succeed;
use doorward_testkit::repository::{root, tracked};
use doorward_testkit::servers::Doorward;
use doorward_testkit::tools::{node_modules, npm_tool};
use tempfile::TempDir;

use super::typescript::Package;

const WALKS: &str = "xtask/tests/clients/browser.mjs";

#[test]
fn the_client_uses_the_cookie_of_the_page_and_renews_it() {
    let package = Package::compiled();
    let folder = package.path().join("dist");
    let variables = [("CLIENT", folder.to_str().unwrap())];
    let name = "the_client_uses_the_cookie_of_the_page_and_renews_it";
    browser::run(WALKS, name, &variables);
}

#[test]
fn the_react_example_signs_up_keeps_notes_and_signs_out() {
    let folder = react_with_packed_client();
    let run = |program, argument| {
        let mut command = npm_tool(program);
        succeed(command.arg(argument).current_dir(folder.path()));
    };
    run("tsc", "--noEmit");
    run("vite", "build");

    let port = Port::free();
    let site = format!("http://localhost:{}", port.number);
    let doorward = Doorward::start(&[("DOORWARD_PUBLIC_URL", &site)]);
    let variables = [
        ("SITE", site.as_str()),
        ("EXAMPLE", folder.path().to_str().unwrap()),
        (
            "DOORWARD_URL",
            &format!("http://127.0.0.1:{}", doorward.port()),
        ),
    ];
    let name = "the_react_example_signs_up_keeps_notes_and_signs_out";
    browser::run(WALKS, name, &variables);
}

/// A copy of the example, with the client as it is in the tarball.
fn react_with_packed_client() -> TempDir {
    let folder = TempDir::new().unwrap();
    for file in tracked(&["examples/react"]) {
        let copy = folder
            .path()
            .join(file.strip_prefix("examples/react/").unwrap());
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        std::fs::copy(root().join(&file), copy).unwrap();
    }
    let modules = folder.path().join("node_modules");
    link_entries(&node_modules(), &modules);
    let client = modules.join("@doorward/client");
    std::fs::create_dir_all(&client).unwrap();
    // npm runs `prepack`, which builds the package.
    let package = Package::generated();
    package.npm(&["pack", "--pack-destination", "."]);
    let packed = format!("doorward-client-{}.tgz", env!("CARGO_PKG_VERSION"));
    let mut unpack = Command::new("tar");
    unpack
        .arg("--extract")
        .arg("--file")
        .arg(package.path().join(packed));
    succeed(
        unpack
            .args(["--strip-components=1", "--directory"])
            .arg(&client),
    );
    folder
}

/// Links each installed package, so that the folder can have another one beside them.
fn link_entries(from: &Path, to: &Path) {
    std::fs::create_dir(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        symlink(entry.path(), to.join(entry.file_name())).unwrap();
    }
}
