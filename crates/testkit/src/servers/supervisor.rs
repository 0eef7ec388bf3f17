//! The leash: the small shell that runs a server, and the commands that control the server.
//!
//! It waits for the end of its input, a pipe that this process holds open, and then kills the server, stopped or
//! not, and deletes its folder. A line on that pipe starts the server again. It depends on no kind of server.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::wait::until;

/// `$1` is the folder, `$2` the signal that ends the server, then its command. A line of input starts it, and the
/// output is its process id; an earlier process has ended by then. A killed PostgreSQL leaves a segment of shared
/// memory, which its pid file names.
const SCRIPT: &str = r#"
folder=$1; signal=$2; shift 2
trap '' INT TERM HUP
server=
while read -r _; do
    [ -z "$server" ] || wait "$server"
    (trap - INT QUIT TERM HUP; exec "$@") </dev/null >>"$folder/log" 2>&1 &
    server=$!
    echo "$server"
done
if [ -n "$server" ]; then
    for stat in /proc/[0-9]*/stat; do
        read -r pid _ _ parent _ <"$stat" && [ "$parent" = "$server" ] && kill -s CONT "$pid"
    done
    kill -s CONT "$server"
    kill -s "$signal" "$server"
    wait "$server"
    segment=$(sed -n '7s/.* //p' "$folder/data/postmaster.pid") && ipcrm -m "$segment"
fi
rm -rf "$folder"
"#;

/// A server's process, or none yet. Dropping it kills the server and deletes its folder.
pub(super) struct SupervisedServer {
    folder: PathBuf,
    shell: Child,
    /// `None` once the server must end.
    commands: Option<ChildStdin>,
    replies: BufReader<ChildStdout>,
    server: u32,
}

impl Drop for SupervisedServer {
    fn drop(&mut self) {
        drop(self.commands.take());
        self.shell.wait().ok();
    }
}

impl SupervisedServer {
    /// Starts the server. `signal` ends it at once.
    pub(super) fn start(folder: &Path, signal: &str, command: &Command) -> Self {
        let mut shell = Command::new("sh");
        shell.args(["-c", SCRIPT, "leash"]).arg(folder).arg(signal);
        shell.arg(command.get_program()).args(command.get_args());
        shell
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null());
        let mut shell = shell.spawn().expect("a shell starts");
        let mut leash = Self {
            folder: folder.to_owned(),
            commands: shell.stdin.take(),
            replies: BufReader::new(shell.stdout.take().expect("it was piped")),
            server: 0,
            shell,
        };
        leash.start_again();
        leash
    }

    /// Starts the server again after it has ended.
    pub(super) fn start_again(&mut self) {
        let commands = self.commands.as_mut().expect("taken by drop alone");
        commands.write_all(b"start\n").expect("the leash lives");
        let mut answer = String::new();
        self.replies
            .read_line(&mut answer)
            .expect("the leash lives");
        self.server = answer.trim().parse().expect("a process id");
    }

    /// Signals only the first process of the server. After SIGSTOP, waits until it has stopped: on a busy machine,
    /// its other threads may run and respond a little longer.
    pub(super) fn signal(&self, signal: &str) {
        send(signal, &[self.server]);
        if signal == "STOP" {
            wait_for("every thread has stopped", || has_stopped(self.server));
        }
    }

    /// Signals the server and its children. PostgreSQL runs them in separate sessions.
    pub(super) fn signal_all(&self, signal: &str) {
        // A stopped server starts no children while they are listed.
        send("STOP", &[self.server]);
        let mut processes = children_of(self.server);
        processes.push(self.server);
        send(signal, &processes);
        if signal == "KILL" {
            wait_for("what was killed is gone", || {
                processes.iter().all(|process| !is_running(*process))
            });
        }
    }

    pub(super) fn wait_for_end(&self) {
        wait_for("the server ends", || !is_running(self.server));
    }

    /// Returns `true` if the process exists, stopped or not.
    pub(super) fn is_running(&self) -> bool {
        is_running(self.server)
    }

    /// The output of the server so far.
    pub(super) fn log(&self) -> String {
        std::fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

/// Polls until the condition is met.
pub(super) fn wait_for(what: &str, is_so: impl Fn() -> bool) {
    until(what, || is_so().then_some(()));
}

fn send(signal: &str, processes: &[u32]) {
    let mut kill = Command::new("kill");
    kill.args(["-s", signal]);
    kill.args(processes.iter().map(u32::to_string));
    // It fails if a process has ended in the meantime.
    kill.stderr(Stdio::null()).status().expect("kill starts");
}

fn children_of(parent: u32) -> Vec<u32> {
    let entries = std::fs::read_dir("/proc").expect("Linux has a /proc");
    let processes = entries
        .flatten()
        .filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    processes
        .filter(|process| state_and_parent(*process).is_some_and(|(_, own)| own == parent))
        .collect()
}

/// A zombie does not count as running, unless it has threads that have not ended.
fn is_running(process: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task"));
    let threads = threads.map_or(0, Iterator::count);
    state_and_parent(process)
        .is_some_and(|(state, _)| threads > 1 || (state != 'Z' && state != 'X'))
}

fn has_stopped(process: u32) -> bool {
    let threads = std::fs::read_dir(format!("/proc/{process}/task"));
    let mut threads = threads.into_iter().flatten().flatten();
    threads.all(|thread| {
        let text = std::fs::read_to_string(thread.path().join("stat")).unwrap_or_default();
        let state = text
            .rsplit_once(") ")
            .map(|(_, rest)| rest.starts_with('T'));
        state.unwrap_or(true)
    })
}

fn state_and_parent(process: u32) -> Option<(char, u32)> {
    let text = std::fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    let mut words = text.rsplit_once(')')?.1.split_whitespace();
    Some((words.next()?.chars().next()?, words.next()?.parse().ok()?))
}
