//! Other programs: those that run to their end, and those that run as long as a test needs them.
//!
//! The latter end with the thread that started them, so that a killed test process leaves none behind. A program
//! whose children must end as well, or that changes its user, needs a leash: `servers`.

use std::fs::File;
use std::io::{BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Output, Stdio};

/// Runs a command that must succeed.
///
/// # Panics
/// If it fails; the message contains its output.
#[track_caller]
pub fn succeed(command: &mut Command) -> Output {
    let output = command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}\n{}", said(&output));
    output
}

/// Runs a command with `input` on its standard input, whether it reads it or not.
///
/// # Panics
/// If it cannot be started.
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
        // A program that reads nothing may have ended already; its status shows why.
        scope.spawn(move || stdin.write_all(input.as_bytes()).ok());
        child.wait_with_output().expect("a child of this process")
    })
}

/// The output of a program, standard error included.
#[must_use]
pub fn said(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

/// A running program. Dropping it kills it.
#[derive(Debug)]
pub struct Process(Child);

impl Process {
    /// Starts it in `folder`. Its output is appended to the file `log` there.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn start(command: &Command, folder: &Path) -> Self {
        let log = File::options()
            .create(true)
            .append(true)
            .open(folder.join("log"))
            .expect("a log file");
        let mut command = kill_with_parent(command);
        command
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone().expect("a log file"))
            .stderr(log);
        Self(spawn(command))
    }

    /// Starts it, and returns its standard output.
    ///
    /// # Panics
    /// If it cannot be started.
    #[must_use]
    pub fn read(command: &Command) -> (Self, BufReader<ChildStdout>) {
        let mut command = kill_with_parent(command);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut process = spawn(command);
        let output = process.stdout.take().expect("it was piped");
        (Self(process), BufReader::new(output))
    }

    /// Its process id.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Standard input of a program whose output is read.
    ///
    /// # Panics
    /// If its output goes to a log.
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

/// The command, killed when the thread that starts it ends. Variables that were set and the folder are copied; a
/// cleared environment is not.
pub(crate) fn kill_with_parent(command: &Command) -> Command {
    let mut kill_with_parent = Command::new("setpriv");
    kill_with_parent.args(["--pdeathsig", "KILL", "--"]);
    kill_with_parent
        .arg(command.get_program())
        .args(command.get_args());
    for (name, value) in command.get_envs() {
        match value {
            Some(value) => kill_with_parent.env(name, value),
            None => kill_with_parent.env_remove(name),
        };
    }
    if let Some(folder) = command.get_current_dir() {
        kill_with_parent.current_dir(folder);
    }
    kill_with_parent
}

fn spawn(mut command: Command) -> Child {
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"))
}
