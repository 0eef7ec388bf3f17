//! The examples as processes.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command};
use std::sync::OnceLock;

use doorward_testkit::http::{self, Answer, Request};
use doorward_testkit::process::{Process, succeed};
use doorward_testkit::repository::root;
use doorward_testkit::tools::{cargo, node_modules, target, tool};
use doorward_testkit::wait::until;
use tempfile::TempDir;

/// The audience of the services in these tests.
pub(crate) const AUDIENCE: &str = "https://api.example.com";

/// A proxy in the environment. Requests to Doorward must not use it.
pub(crate) const NO_PROXY_OF_OURS: &str = "http://127.0.0.1:1";

/// The examples that verify audience tokens with the JWKS only.
pub(crate) const EXAMPLES: [Example; 3] = [Example::Python, Example::Node, Example::Axum];

/// A folder of `examples/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Example {
    Python,
    Node,
    Axum,
    /// The one that calls Doorward.
    FastApi,
    /// The one with a test suite; it calls Doorward, too.
    Notes,
}

/// The clock of a service.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    Right,
    /// Ten minutes ahead: current tokens have expired.
    Ahead,
}

/// A running example. It is killed on drop, or with the thread that started it.
pub(crate) struct Service {
    _process: Process,
    pub(crate) url: String,
    pub(crate) example: Example,
    _folder: TempDir,
}

impl Service {
    /// Starts it for this Doorward, and waits until it listens.
    pub(crate) fn start(example: Example, doorward: &str) -> Self {
        Self::start_at(example, doorward, Clock::Right)
    }

    pub(crate) fn start_at(example: Example, doorward: &str, clock: Clock) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = program(example, folder.path());
        command
            .env("DOORWARD_URL", doorward)
            .env("AUDIENCE", AUDIENCE)
            .env("PORT", "0")
            // No proxy listens there: a request through it fails.
            .env("http_proxy", NO_PROXY_OF_OURS)
            .env("no_proxy", "");
        if matches!(clock, Clock::Ahead) {
            put_forward(&mut command, "+10m");
        }
        let (process, mut output) = Process::read(&command);
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{example:?} printed {line:?}"));
        Self {
            url: url.to_owned(),
            _process: process,
            example,
            _folder: folder,
        }
    }

    /// Requests the page for all signed-in users.
    pub(crate) fn me(&self, token: &str) -> Answer {
        http::get(&format!("{}/me", self.url), Some(token))
    }

    /// Requests the page for admins.
    pub(crate) fn admin(&self, token: &str) -> Answer {
        http::get(&format!("{}/admin", self.url), Some(token))
    }

    /// Waits until it accepts this token: it refreshes its keys by itself.
    pub(crate) fn eventually_accepts(&self, token: &str) {
        let what = format!("{:?} accepts it", self.example);
        until(&what, || (self.me(token).status == 200).then_some(()));
    }

    /// Sends a request with this `Authorization`.
    pub(crate) fn ask(&self, authorization: Option<&str>) -> std::io::Result<Answer> {
        let request = Request::new("GET", &format!("{}/me", self.url));
        match authorization {
            Some(authorization) => request.field("Authorization", authorization).try_send(),
            None => request.try_send(),
        }
    }

    /// Asserts that it rejects this token with a correct 401.
    pub(crate) fn refuses(&self, token: &str, what: &str) {
        for answer in [self.me(token), self.admin(token)] {
            let example = self.example;
            assert_eq!(answer.status, 401, "{example:?}, {what}: {answer:?}");
            let how = answer.header("www-authenticate");
            assert_eq!(how, "Bearer error=\"invalid_token\"", "{example:?}, {what}");
            // Nothing about the reason, which would help a forger.
            let is_silent = ["", "{\"detail\":\"Unauthorized\"}"].contains(&answer.body.as_str());
            assert!(is_silent, "{example:?}, {what}: {answer:?}");
        }
    }
}

/// A program that responds to each line with one.
pub(crate) struct Lines {
    process: Process,
    output: BufReader<ChildStdout>,
}

impl Lines {
    pub(crate) fn start(command: &Command) -> Self {
        let (process, output) = Process::read(command);
        Self { process, output }
    }

    pub(crate) fn answer(&mut self, line: &str) -> String {
        writeln!(self.process.input(), "{line}").unwrap();
        let mut answer = String::new();
        self.output.read_line(&mut answer).unwrap();
        answer.trim().to_owned()
    }
}

pub(crate) fn examples() -> PathBuf {
    root().join("examples")
}

fn program(example: Example, folder: &Path) -> Command {
    let with = |mut command: Command, file: PathBuf| {
        command.arg(file);
        command
    };
    match example {
        Example::Python => with(tool("python"), examples().join("python/service.py")),
        Example::FastApi => with(tool("python"), examples().join("fastapi/app.py")),
        Example::Notes => with(tool("python"), examples().join("pytest/notes.py")),
        Example::Node => {
            // Node.js resolves a package relative to the importing file.
            let file = folder.join("service.mjs");
            std::fs::copy(examples().join("node/service.mjs"), &file).unwrap();
            std::os::unix::fs::symlink(node_modules(), folder.join("node_modules")).unwrap();
            with(Command::new(node()), file)
        }
        Example::Axum => Command::new(built()),
    }
}

/// Node.js itself: pip's launcher next to Python starts it, and Node.js would survive the launcher.
fn node() -> &'static Path {
    static NODE: OnceLock<PathBuf> = OnceLock::new();
    NODE.get_or_init(|| {
        let mut asked = tool("node");
        let asked = succeed(asked.args(["-p", "process.execPath"]));
        PathBuf::from(String::from_utf8(asked.stdout).unwrap().trim())
    })
}

/// Shifts the program's clock. (The program `faketime` would be a process in between.)
pub(crate) fn put_forward(command: &mut Command, by: &str) {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut libraries = folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .filter(|path| path.is_file());
    let library = libraries
        .next()
        .expect("libfaketime is installed: `cargo xtask tools`");
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME", by)
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}

/// The example in Rust, built with its own features, like a copy of it.
fn built() -> &'static Path {
    static BUILT: OnceLock<PathBuf> = OnceLock::new();
    BUILT.get_or_init(|| {
        let mut cargo = cargo();
        cargo.args(["build", "--quiet", "--locked", "--package"]);
        cargo
            .args(["doorward-example", "--target-dir"])
            .arg(target());
        succeed(&mut cargo);
        target().join("debug/doorward-example")
    })
}
