//! Programs that run as long as a test needs them.
//!
//! Each dies with the thread that started it, however that ends, so that a test process which is
//! killed leaves nothing behind. One whose own children have to go as well, or that becomes another
//! user, needs a leash: `servers`.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::patience::until;

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
    pub fn input(&mut self) -> &mut ChildStdin {
        self.0.stdin.as_mut().expect("it was piped")
    }

    /// Its input ends, and then so does it.
    pub fn finish(&mut self) {
        drop(self.0.stdin.take());
        until("it ends with its input", || {
            self.0.try_wait().expect("a child of this process")
        });
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
