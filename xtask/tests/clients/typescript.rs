//! `clients/typescript`: the package, built as its authors build it, and its own tests.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use doorward_testkit::process::{said, succeed};
use doorward_testkit::repository::{root, tracked};
use doorward_testkit::servers::doorward_binary;
use doorward_testkit::tools::{node_modules, npm_tool, tool};
use serde_json::Value;
use tempfile::TempDir;

use super::clients;

/// A copy of the package in a copy of the repository's folders, with installed packages and generated types.
pub(crate) struct Package {
    folder: TempDir,
}

impl Package {
    pub(crate) fn generated() -> Self {
        let package = Self {
            folder: TempDir::new().unwrap(),
        };
        for file in tracked(&["clients/typescript", "openapi.json"]) {
            let copy = package.folder.path().join(&file);
            std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
            std::fs::copy(root().join(&file), copy).unwrap();
        }
        symlink(node_modules(), package.path().join("node_modules")).unwrap();
        package.npm(&["run", "generate"]);
        package
    }

    /// With its code in `dist`.
    pub(crate) fn compiled() -> Self {
        let package = Self::generated();
        package.npm(&["run", "compile"]);
        package
    }

    pub(crate) fn path(&self) -> PathBuf {
        self.folder.path().join("clients/typescript")
    }

    /// Runs npm in it, which must succeed, and returns what it prints.
    pub(crate) fn npm(&self, arguments: &[&str]) -> String {
        let mut npm = tool("npm");
        npm.args(arguments).current_dir(self.path());
        said(&succeed(npm.env("DOORWARD", doorward_binary())))
    }

    fn type_check(&self) -> Command {
        let mut compiler = npm_tool("tsc");
        compiler.args(["--project", "test"]);
        compiler.current_dir(self.path());
        compiler
    }
}

#[test]
fn the_package_passes_its_tests_with_node() {
    let package = Package::compiled();
    let reported = package.npm(&["run", "test:node"]);
    let passed = reported.lines().find_map(|line| line.split_once("pass "));
    let passed: usize = passed.unwrap().1.trim().parse().unwrap();
    assert!(passed >= 20, "{reported}");
}

/// The types are useful because the compiler rejects the requests that the server rejects.
#[test]
fn the_types_reject_what_the_server_rejects() {
    let package = Package::generated();
    // A `@ts-expect-error` without an error below it is an error.
    succeed(&mut package.type_check());
    let file = package.path().join("test/types.ts");
    let wrong = std::fs::read_to_string(&file).unwrap();
    std::fs::write(&file, wrong.replace("// @ts-expect-error", "//")).unwrap();
    let refusals = said(&package.type_check().output().unwrap());
    let refusals = refusals.matches("types.ts(").count();
    assert_eq!(refusals, wrong.matches("// @ts-expect-error").count());
    assert!(refusals > 8);
}

/// `package.json` installs the versions that the tests use.
#[test]
fn the_packages_have_the_versions_of_the_tests() {
    let read =
        |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let ours = read(&root().join("xtask/npm/package.json"));
    for file in [
        clients().join("typescript/package.json"),
        root().join("examples/react/package.json"),
    ] {
        let theirs = read(&file);
        for kind in ["dependencies", "devDependencies"] {
            for (name, version) in theirs[kind].as_object().unwrap() {
                let is_ours = name == "@doorward/client";
                assert!(is_ours || version == &ours["dependencies"][name], "{name}");
            }
        }
    }
}
