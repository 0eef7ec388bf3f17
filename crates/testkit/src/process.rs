//! Other programs: those that run to their end, and those that run as long as a test needs them.
//!
//! Of the latter, each dies with the thread that started it, however that ends, so that a test process
//! which is killed leaves nothing behind. One whose own children have to go as well, or that becomes
//! another user, needs a leash: `servers`.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

/// Runs a command that must succeed.
///
/// # Panics
/// Where it does not; with what it said.
#[track_caller]
pub fn succeed(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", said(&output));
    output
}

/// Runs a command with that on its standard input, whether it reads it or not.
///
/// # Panics
/// Where it cannot be started.
#[track_caller]
#[must_use]
pub fn piped(command: &mut Command, input: &str) -> Output {
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let mut stdin = child.stdin.take().expect("it was piped");
    std::thread::scope(|scope| {
        // One that reads nothing may be gone already, and says why by how it ends.
        scope.spawn(move || stdin.write_all(input.as_bytes()).ok());
        child.wait_with_output().expect("a child of this process")
    })
}

/// What a program said, to whomever.
#[must_use]
pub fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// A running program; dropped, it is killed.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it in `folder`; what it says is added to the file `log` there.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn start(command: &Command, folder: &Path) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .expect("a log file");
        let mut command = leashed(command);
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        Self(spawn(command))
    }

    /// Starts it; what it says on standard output is to be read.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn read(command: &Command) -> (Self, BufReader<ChildStdout>) {
        let mut command = leashed(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = spawn(command);
        let output = process.stdout.take().expect("it was piped");
        (Self(process), BufReader::new(output))
    }

    /// What it reads, of one whose output is read.
    ///
    /// # Panics
    /// Of one that has a log.
    pub fn input(&mut self) -> &mut ChildStdin {
        self.0.stdin.as_mut().expect("it was piped")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended.
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

/// The command, killed when the thread that starts it ends. It keeps the variables that were set and
/// the folder; an environment that was cleared is not.
fn leashed(command: &Command) -> Command {
    let mut leashed = Command::new("setpriv");
    leashed.args(["--pdeathsig", "KILL", "--"]);
    leashed.arg(command.get_program()).args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => leashed.env(name, value),
            None => leashed.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        leashed.current_dir(folder);
    }
    leashed
}

fn spawn(mut command: Command) -> Child {
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}
