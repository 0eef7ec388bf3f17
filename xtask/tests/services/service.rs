//! The examples as processes.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Command};
use std::sync::OnceLock;

use doorward_testkit::http::{self, Answer, Request};
use doorward_testkit::patience::until;
use doorward_testkit::process::{Process, succeed};
use doorward_testkit::repository::root;
use doorward_testkit::tools::{cargo, node_modules, target, tool};
use tempfile::TempDir;

/// What the services of these tests are called in `aud`.
pub(crate) const AUDIENCE: &str = "https://api.example.com";

/// What the environment says to go through. A token or a question for Doorward is not for that.
pub(crate) const NO_PROXY_OF_OURS: &str = "http://127.0.0.1:1";

/// The examples that believe audience tokens by the JWKS alone.
pub(crate) const EXAMPLES: [Example; 3] = [Example::Python, Example::Node, Example::Rust];

/// A folder of `examples/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Example {
    Python,
    Node,
    Rust,
    /// The one that asks.
    Check,
    /// The one that has a test suite; it asks, too.
    Notes,
}

/// The time that a service believes it is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Clock {
    Right,
    /// Ten minutes ahead: the tokens of now have expired.
    Ahead,
}

/// A running example. Dropped, it is killed; it dies with the thread that started it, too.
pub(crate) struct Service {
    _process: Process,
    url: String,
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
            // Nobody is there: whoever asks through it gets no answer.
            .env("http_proxy", NO_PROXY_OF_OURS)
            .env("no_proxy", "");
        if matches!(clock, Clock::Ahead) {
            put_forward(&mut command, "+10m");
        }
        let (process, mut output) = Process::read(&command);
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        let url = line.trim().strip_prefix("listening on ");
        let url = url.unwrap_or_else(|| panic!("{example:?} says {line:?}"));
        Self {
            url: url.to_owned(),
            _process: process,
            example,
            _folder: folder,
        }
    }

    /// Asks it for what anybody who is signed in may see.
    pub(crate) fn me(&self, token: &str) -> Answer {
        http::get(&format!("{}/me", self.url), Some(token))
    }

    /// Asks it for what admins may see.
    pub(crate) fn admin(&self, token: &str) -> Answer {
        http::get(&format!("{}/admin", self.url), Some(token))
    }

    /// That it lets this token in sooner or later: it looks again in its own time.
    pub(crate) fn lets_in_at_last(&self, token: &str) {
        let what = format!("{:?} lets it in", self.example);
        until(&what, || (self.me(token).status == 200).then_some(()));
    }

    /// Asks it with `Authorization` as given.
    pub(crate) fn ask(&self, authorization: Option<&str>) -> std::io::Result<Answer> {
        let request = Request::new("GET", &format!("{}/me", self.url));
        match authorization {
            Some(authorization) => request.field("Authorization", authorization).try_send(),
            None => request.try_send(),
        }
    }

    /// That it refuses this token, as a 401 has to be.
    pub(crate) fn refuses(&self, token: &str, what: &str) {
        for answer in [self.me(token), self.admin(token)] {
            let example = self.example;
            assert_eq!(answer.status, 401, "{example:?}, {what}: {answer:?}");
            let how = answer.header("www-authenticate");
            assert_eq!(how, "Bearer error=\"invalid_token\"", "{example:?}, {what}");
            assert!(answer.body.is_empty(), "{example:?}, {what}: {answer:?}");
        }
    }
}

/// A program that answers each line with one.
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
        Example::Check => with(tool("python"), examples().join("check/service.py")),
        Example::Notes => with(tool("python"), examples().join("pytest/notes.py")),
        Example::Node => {
            // Node.js looks for a package beside the file that asks for it.
            let file = folder.join("service.mjs");
            std::fs::copy(examples().join("node/service.mjs"), &file).unwrap();
            std::os::unix::fs::symlink(node_modules(), folder.join("node_modules")).unwrap();
            with(Command::new(node()), file)
        }
        Example::Rust => Command::new(built()),
    }
}

/// Node.js itself: what pip put beside Python is a program that starts it, and stays when that is killed.
fn node() -> &'static Path {
    static NODE: OnceLock<PathBuf> = OnceLock::new();
    NODE.get_or_init(|| {
        let mut asked = tool("node");
        let asked = succeed(asked.args(["-p", "process.execPath"]));
        PathBuf::from(String::from_utf8(asked.stdout).unwrap().trim())
    })
}

/// Lets a program believe that it is another time of day. (The program `faketime` would stay between
/// it and us.)
pub(crate) fn put_forward(command: &mut Command, by: &str) {
    let folders = std::fs::read_dir("/usr/lib").unwrap().flatten();
    let mut libraries = folders
        .map(|folder| folder.path().join("faketime/libfaketimeMT.so.1"))
        .filter(|path| path.is_file());
    let library = libraries
        .next()
        .expect("libfaketime is there: `cargo xtask tools`");
    command
        .env("LD_PRELOAD", library)
        .env("FAKETIME", by)
        .env("FAKETIME_DONT_FAKE_MONOTONIC", "1");
}

/// The Rust example, built on its own: with its own features, as it is when it was copied out.
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
