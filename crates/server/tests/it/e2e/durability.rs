//! Responses are sent after the data is on disk (T-POWER): checked with the server's system calls, as the kernel
//! sees them.
//!
//! The id of each request is in its audit event. It identifies the journal pages that the request wrote,
//! regardless of concurrent writes by the worker. A sync of that file must return between these writes and the
//! response.

use std::path::Path;
use std::process::Command;

use serde_json::json;

use super::server::{Server, Setup, eventually};
use crate::support::{OTHER_PASSWORD, PASSWORD};

/// More than a page of the database.
const LONGEST_DATA: &str = "5000";
const CALLS: &str = "trace=sendto,write,writev,sendmsg,pwrite64,pwritev,fdatasync,fsync";

/// A system call, with the trace lines where it began and returned.
#[derive(Debug)]
struct Call {
    begun: usize,
    ended: usize,
    text: String,
}

/// Starts a traced server. The tracer is not its parent, so signals reach the server as usual.
fn traced(setup: &Setup) -> Server {
    let probe = Command::new("strace")
        .args(["-D", "-f", "-qq", "-o", "/dev/null", "true"])
        .output();
    let probe = probe.expect("strace is not here: `cargo xtask tools` installs it");
    assert!(
        probe.status.success() && probe.stderr.is_empty(),
        "strace may not trace here (in a container it takes `--cap-add SYS_PTRACE`): {}",
        String::from_utf8_lossy(&probe.stderr)
    );
    let serve = setup.command(&["serve"]);
    let mut strace = Command::new("strace");
    strace
        .args(["-D", "-f", "-q", "-y", "-s", LONGEST_DATA, "-e", CALLS])
        .arg("-o")
        .arg(setup.path("trace"))
        .arg(serve.get_program())
        .args(serve.get_args())
        .current_dir(serve.get_current_dir().unwrap())
        .env_clear();
    for (name, value) in serve.get_envs() {
        strace.env(name, value.unwrap());
    }
    let piped = std::process::Stdio::piped;
    strace.stdin(piped()).stdout(piped()).stderr(piped());
    strace.env("PATH", "/usr/bin:/bin");
    setup.start_by(strace)
}

/// The complete trace, after the server has ended.
fn whole(trace: &Path, pid: u32) -> String {
    let end = format!("{pid} +++ exited with");
    eventually("the trace ends", || {
        let text = String::from_utf8_lossy(&std::fs::read(trace).ok()?).into_owned();
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        let is_finished = text
            .lines()
            .rev()
            .take(50)
            .any(|line| words(line).starts_with(&end));
        is_finished.then_some(text)
    })
}

/// The calls of the trace. Calls that were interrupted by others are joined.
fn calls(trace: &str) -> Vec<Call> {
    let mut open = std::collections::BTreeMap::new();
    let mut calls = Vec::new();
    for (at, line) in trace.lines().enumerate() {
        let (thread, text) = line.split_once(' ').unwrap();
        let text = text.trim_start();
        if let Some(begun) = text.strip_suffix(" <unfinished ...>") {
            open.insert(thread, (at, begun.to_owned()));
        } else if text.starts_with("<... ") {
            let rest = text.split_once(" resumed>").map_or("", |(_, rest)| rest);
            if let Some((begun, first)) = open.remove(thread) {
                let text = first + rest;
                calls.push(Call {
                    begun,
                    ended: at,
                    text,
                });
            }
        } else {
            let text = text.to_owned();
            calls.push(Call {
                begun: at,
                ended: at,
                text,
            });
        }
    }
    calls
}

impl Call {
    fn is_a_write_of(&self, id: &str) -> bool {
        self.text.starts_with("pwrite") && self.text.contains("-wal>") && self.text.contains(id)
    }

    fn is_a_sync(&self) -> bool {
        let is_one = self.text.starts_with("fdatasync(") || self.text.starts_with("fsync(");
        is_one && self.text.contains("-wal>") && self.text.ends_with("= 0")
    }

    fn is_the_answer(&self, id: &str) -> bool {
        self.text.contains("HTTP/1.1 2") && self.text.contains(&format!("x-request-id: {id}"))
    }
}

/// T-POWER: sign-up, sign-in, password change, sign-out. Fails if a response precedes the sync of its data.
#[test]
fn every_response_is_sent_after_its_data_is_synced() {
    let setup = Setup::on_a_file();
    let server = traced(&setup);
    let person = json!({"username": "ines", "password": PASSWORD});
    let mut asked = Vec::new();
    let mut send = |method: &str, path: &str, token: Option<&str>, body| {
        let reply = server.send(method, path, token, body);
        assert!((200..300).contains(&reply.status), "{path}: {reply:?}");
        let id = reply.header("x-request-id").unwrap().to_owned();
        asked.push((format!("{method} {path}"), id));
        reply
    };
    send("POST", "/user", None, Some(person.clone()));
    let signed_in = send("POST", "/auth", None, Some(person)).json();
    let token = signed_in["token"].as_str();
    let change = json!({"current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    send("PUT", "/password", token, Some(change));
    send("DELETE", "/auth", token, None);
    let pid = server.pid();
    server.stop();

    let calls = calls(&whole(&setup.path("trace"), pid));
    for (what, id) in asked {
        assert_eq!(fault(&calls, &id), None, "{what}");
    }
}

/// The reason if a response came too soon.
fn fault(calls: &[Call], id: &str) -> Option<&'static str> {
    let Some(answer) = calls.iter().find(|call| call.is_the_answer(id)) else {
        return Some("no response was recorded");
    };
    let written = calls.iter().filter(|call| call.is_a_write_of(id));
    let Some(first) = written.map(|call| call.ended).min() else {
        return Some("its audit event was not written");
    };
    let waited_for =
        |call: &Call| call.is_a_sync() && call.begun > first && call.ended < answer.begun;
    if first > answer.begun {
        Some("response before the write")
    } else if !calls.iter().any(waited_for) {
        Some("response before the sync")
    } else {
        None
    }
}

/// T-POWER: the check of the test above fails for a server that does not wait.
#[test]
fn a_response_before_its_sync_is_detected() {
    let write = "7 pwrite64(9</d/doorward.db-wal>, \"..id-1..\", 4096, 56) = 4096";
    let answer = "8 writev(5<socket:[1]>, [{iov_base=\"HTTP/1.1 201 Created\\r\\nx-request-id: id-1\\r\\n\"}], 1) = 40";
    let sync = "7 fdatasync(9</d/doorward.db-wal>) = 0";
    let begun = "7 fdatasync(9</d/doorward.db-wal> <unfinished ...>";
    let ended = "7 <... fdatasync resumed>) = 0";
    let elsewhere = "7 fdatasync(9</d/other.db>) = 0";
    let soon = Some("response before the sync");
    for (lines, expected) in [
        (&[write, sync, answer][..], None),
        (&[write, begun, ended, answer], None),
        (&[write, answer, sync], soon),
        (&[write, begun, answer, ended], soon),
        (&[sync, write, answer], soon),
        (&[write, elsewhere, answer], soon),
        (&[answer, write, sync], Some("response before the write")),
        (&[sync, answer], Some("its audit event was not written")),
        (&[write, sync], Some("no response was recorded")),
    ] {
        assert_eq!(
            fault(&calls(&lines.join("\n")), "id-1"),
            expected,
            "{lines:?}"
        );
    }
}
