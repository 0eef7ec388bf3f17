//! `kill -9` during an import: run again, it continues, and no user is lost or duplicated.

use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

use super::rejects::user;
use super::{HEADER, Setup, eventually, import, new_setup};

fn count(setup: &Setup) -> usize {
    let list = setup.run(&["user", "list", "--limit", "100000"]).expect(0);
    list.out
        .lines()
        .filter(|line| line.contains("user-"))
        .count()
}

#[test]
fn a_killed_import_can_be_repeated() {
    let setup = new_setup();
    let lines: Vec<String> = (0..2_600).map(|number| user(number).to_string()).collect();
    let text = format!("{HEADER}{}\n", lines.join("\n"));
    let setup = setup
        .file("users.jsonl", &text)
        // A busy machine does not split the batches: they are halved if a write takes longer than this.
        .with("DOORWARD_DATABASE__STATEMENT_TIMEOUT_SECONDS", "60");
    setup.run(&["migrate"]).expect(0);
    let mut child = setup.command(&["import", "-"]).spawn().unwrap();
    // Sends most of the file; then the pipe stays open, and the import waits for the rest.
    let most = HEADER.len()
        + lines[..2_100]
            .iter()
            .map(|line| line.len() + 1)
            .sum::<usize>();
    child
        .stdin
        .as_mut()
        .unwrap()
        .write_all(&text.as_bytes()[..most])
        .unwrap();
    eventually("some are in", || (count(&setup) > 0).then_some(()));
    child.kill().unwrap();
    let status = child.wait().unwrap();
    assert_eq!(status.signal(), Some(9), "it did not wait for the rest");
    let there = count(&setup);
    assert!(there <= 2_000, "{there}");
    assert_eq!(there % 500, 0, "a batch is in or out");
    let (summary, report) = import(&setup, &["users.jsonl"], 0);
    assert_eq!(summary["already_exists"], there);
    assert_eq!(summary["imported"], 2_600 - there);
    assert!(report.is_empty());
    let again = setup.run(&["export", "-"]).expect(0).out;
    assert_eq!(again.lines().count(), 2_601);
}

fn on_a_terminal(setup: &Setup, command: &str) -> String {
    let alike = setup.command(&[]);
    let variables = alike
        .get_envs()
        .filter_map(|(name, value)| Some((name, value?)));
    let mut script = Command::new("script");
    let path = "/usr/local/bin:/usr/bin:/bin";
    script.env_clear().env("PATH", path).env("TERM", "xterm");
    script.args(["-qec", command, "/dev/null"]).envs(variables);
    script.current_dir(setup.path("")).stdin(Stdio::null());
    let output = script.output().unwrap();
    let reported = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{reported}");
    reported
}

/// `script` provides a terminal.
#[test]
fn progress_is_shown_on_a_terminal() {
    let lines: Vec<String> = (0..1_000).map(|number| user(number).to_string()).collect();
    let setup = new_setup().file("users.jsonl", &format!("{HEADER}{}\n", lines.join("\n")));
    for (command, bar) in [("import users.jsonl", "left"), ("export out.jsonl", "/s")] {
        for (more, is_shown) in [("", true), (" --json", false)] {
            let command = format!("{} {command}{more}", env!("CARGO_BIN_EXE_doorward"));
            let reported = on_a_terminal(&setup, &command);
            assert_eq!(reported.contains(bar), is_shown, "{command}: {reported}");
            let _ = std::fs::remove_file(setup.path("out.jsonl"));
        }
    }
}

/// Two concurrent imports interfere, but reject no user.
#[test]
fn two_concurrent_imports_of_one_file_both_succeed() {
    let setup = new_setup();
    let lines: Vec<String> = (0..1_500).map(|number| user(number).to_string()).collect();
    let setup = setup.file("users.jsonl", &format!("{HEADER}{}\n", lines.join("\n")));
    setup.run(&["migrate"]).expect(0);
    let both: Vec<_> = (0..2)
        .map(|_| {
            let setup = setup.clone();
            std::thread::spawn(move || setup.run(&["import", "users.jsonl", "--json"]))
        })
        .collect();
    let mut imported = 0;
    for one in both {
        let summary = one.join().unwrap().expect(0).json();
        let [new, there] =
            ["imported", "already_exists"].map(|name| summary[name].as_u64().unwrap());
        assert_eq!(new + there, 1_500);
        imported += new;
    }
    assert_eq!(imported, 1_500);
}
