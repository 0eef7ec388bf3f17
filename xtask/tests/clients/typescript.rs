//! `clients/typescript`: types and a client generated from the document, compiled and run.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use doorward_testkit::servers::Doorward;
use doorward_testkit::tools::{node_modules, npm_tool, tool};
use serde_json::Value;
use tempfile::TempDir;

use super::{clients, document, output_text};

/// A copy of the project with installed packages and generated types.
fn project() -> TempDir {
    let folder = TempDir::new().unwrap();
    let project = folder.path();
    std::fs::create_dir(project.join("src")).unwrap();
    for file in ["package.json", "tsconfig.json", "src/example.ts"] {
        std::fs::copy(clients().join("typescript").join(file), project.join(file)).unwrap();
    }
    symlink(node_modules(), project.join("node_modules")).unwrap();
    std::fs::write(project.join("openapi.json"), document(None)).unwrap();
    let mut generator = npm_tool("openapi-typescript");
    generator.args(["openapi.json", "--output", "src/doorward.d.ts"]);
    succeeds(generator.current_dir(project));
    folder
}

fn succeeds(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let text = output_text(&output);
    assert!(output.status.success(), "{text}");
    text
}

fn compile(project: &Path) -> Command {
    let mut compiler = npm_tool("tsc");
    compiler.args(["--project", "."]).current_dir(project);
    compiler
}

#[test]
fn a_generated_client_compiles_and_signs_up_a_user() {
    let folder = project();
    succeeds(&mut compile(folder.path()));
    let server = Doorward::start(&[]);
    let mut node = tool("node");
    node.arg("dist/example.js")
        .env("DOORWARD_URL", server.url())
        .current_dir(folder.path());
    // More than once: it uses new names each time.
    for _ in 0..2 {
        let text = succeeds(&mut node);
        for step in [
            "invalid: password too-short",
            "signed up: active",
            "confirmed: active",
            "signed in as ann-",
            "patched: {\"city\":\"Bern\",\"colour\":\"green\"}",
            "changed by someone else: read it again",
            "signed out: invalid or expired session token",
        ] {
            assert!(text.contains(step), "no `{step}` in:\n{text}");
        }
    }
}

/// The types are useful because the compiler rejects the requests that the server rejects.
#[test]
fn the_types_reject_what_the_server_rejects() {
    let folder = project();
    let wrong = folder.path().join("src/wrong.ts");
    std::fs::write(&wrong, WRONG).unwrap();
    // A `@ts-expect-error` without an error below it is an error.
    succeeds(compile(folder.path()).arg("--noEmit"));
    std::fs::write(&wrong, WRONG.replace("// @ts-expect-error", "//")).unwrap();
    let output = compile(folder.path()).arg("--noEmit").output().unwrap();
    let refusals = output_text(&output).matches("src/wrong.ts(").count();
    assert_eq!(refusals, WRONG.matches("@ts-expect-error").count());
}

const WRONG: &str = r#"
import createClient from "openapi-fetch";
import type { components, paths } from "./doorward.js";
type User = components["schemas"]["User"];
const doorward = createClient<paths>({ baseUrl: "" });
const me = { path: { user: "me" } };

// @ts-expect-error: neither a username nor an email
await doorward.POST("/user", { body: { password: "three boats on a lake" } });
// @ts-expect-error: no password
await doorward.POST("/user", { body: { username: "ann" } });
// @ts-expect-error: unknown role
await doorward.PUT("/user/{user}/role", { params: me, body: { role: "king" } });
// @ts-expect-error: unknown status
await doorward.GET("/user", { params: { query: { status: "asleep" } } });
// @ts-expect-error: unknown route
await doorward.GET("/nobody");

const { data, error } = await doorward.PATCH("/user/{user}", { params: me, body: { data: { any: ["thing"] } } });
if (data) {
  const role: "user" | "admin" = data.role;
  const status: "pending" | "active" | "disabled" = data.status;
  const pending: string | undefined = data.pending_email;
  const name: string | null = data.name;
  const anything: unknown = data.data["colour"];
  // @ts-expect-error: an account may have no username
  const username: string = data.username;
  // @ts-expect-error: the type of a custom field is unknown
  const colour: string = data.data["colour"];
  const user: User = data;
  console.log(role, status, pending, name, anything, username, colour, user);
}
if (error) {
  // @ts-expect-error: only for `validation-failed`
  console.log(error.errors.length);
  // @ts-expect-error: a PATCH does not return this code
  console.log(error.code === "last-admin");
  if (error.code === "validation-failed") console.log(error.status === 422, error.errors.length);
  if (error.status === 412) console.log(error.code === "precondition-failed");
}
"#;

/// `package.json` installs the versions that the tests use.
#[test]
fn the_package_has_the_versions_of_the_tests() {
    let read =
        |path: &Path| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
    let theirs = read(&clients().join("typescript/package.json"));
    let ours = read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("npm/package.json"));
    for kind in ["dependencies", "devDependencies"] {
        for (name, version) in theirs[kind].as_object().unwrap() {
            assert_eq!(version, &ours["dependencies"][name], "{name}");
        }
    }
}
