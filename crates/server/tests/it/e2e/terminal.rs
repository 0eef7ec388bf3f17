//! A terminal, and the output of commands on one: colours, the banner, short lines of the log.

use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::process::Command;

use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};

use super::Setup;

/// A terminal: the side that a terminal emulator holds, and the side that a program gets.
pub fn terminal() -> (OwnedFd, File) {
    let emulator = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
    grantpt(&emulator).unwrap();
    unlockpt(&emulator).unwrap();
    let name = ptsname(&emulator, Vec::new()).unwrap();
    let path = OsStr::from_bytes(name.as_bytes());
    let program = OpenOptions::new().read(true).write(true).open(path);
    (emulator, program.unwrap())
}

/// The server as the first process of a session, after `prefix`. Its standard input becomes the session's terminal.
pub fn serve_in_session(setup: &Setup, prefix: &[&str]) -> Command {
    let plain = setup.command(&["serve"]);
    let mut command = Command::new("setsid");
    command.arg("--ctty").args(prefix).arg(plain.get_program());
    command.args(plain.get_args()).env_clear();
    command.current_dir(plain.get_current_dir().unwrap());
    for (name, value) in plain.get_envs() {
        command.env(name, value.unwrap());
    }
    command
}

/// Connects all streams of a command to the program's side of a terminal.
fn connect(mut command: Command, program: File) -> Command {
    let [input, output] = [(); 2].map(|()| program.try_clone().unwrap());
    command.stdin(input).stdout(output).stderr(program);
    command
}

/// Runs a command on a terminal on which `typed` is typed. Returns the exit code and the output.
pub fn on_a_terminal(setup: &Setup, arguments: &[&str], typed: &str) -> (Option<i32>, String) {
    let (emulator, program) = terminal();
    let mut command = connect(setup.command(arguments), program);
    let mut child = command.spawn().unwrap();
    // Closes the command's copy of the terminal.
    drop(command);
    let mut emulator = File::from(emulator);
    emulator.write_all(typed.as_bytes()).unwrap();
    let mut shown = Vec::new();
    // Once the last process has closed the terminal, Linux reports an error rather than the end.
    let _ = emulator.read_to_end(&mut shown);
    let status = child.wait().unwrap();
    (status.code(), String::from_utf8(shown).unwrap())
}

#[test]
fn output_has_colours_on_a_terminal_unless_no_color_is_set() {
    let setup = Setup::on_a_file().with("TERM", "xterm");
    setup
        .run(&["user", "create", "--username", "ben"])
        .expect(0);
    let without = setup.clone().with("NO_COLOR", "1");
    for (arguments, emphasised) in [
        (&["user", "list"][..], "\u{1b}[1mID "),
        (&["--help"], "Keys and audit:\u{1b}[0m"),
        (&["user", "lits"], "error:\u{1b}[0m"),
        (&["user", "show", "eve"], "doorward:\u{1b}[0m there is no"),
    ] {
        let (code, shown) = on_a_terminal(&setup, arguments, "");
        assert!(shown.contains(emphasised), "{arguments:?}: {shown:?}");
        let (code_without, plain) = on_a_terminal(&without, arguments, "");
        assert_eq!(code_without, code);
        assert!(!plain.contains('\u{1b}'), "{arguments:?}: {plain:?}");
        let piped = setup.run(arguments);
        assert_eq!(Some(piped.code), code);
        let piped = piped.out + &piped.err;
        assert_eq!(plain.replace('\r', ""), piped, "{arguments:?}");
    }
}

#[test]
fn a_start_on_a_terminal_ends_with_the_banner_and_stops_with_ctrl_c() {
    let setup = Setup::on_a_file().with("DOORWARD_LOG__FORMAT", "auto");
    let (emulator, program) = terminal();
    let mut command = connect(serve_in_session(&setup, &[]), program);
    let mut child = command.spawn().unwrap();
    drop(command);
    let mut emulator = File::from(emulator);
    let (mut shown, mut chunk) = (String::new(), [0; 4096]);
    while !shown.contains("Ctrl-C")
        && let Ok(count @ 1..) = emulator.read(&mut chunk)
    {
        shown += &String::from_utf8_lossy(&chunk[..count]);
    }
    let (log, banner) = shown.split_once("Doorward is ready at ").expect(&shown);
    for link in ["/sign-up", "/inbox ", "/docs", "/admin"] {
        assert!(banner.contains(link), "{link}: {shown}");
    }
    assert!(banner.contains("username `admin`"), "{shown}");
    let has_time = |line: &str| line.get(2..3) == Some(":") && line.get(8..9) == Some("Z");
    let lines: Vec<_> = log.lines().filter(|line| !line.is_empty()).collect();
    assert!(
        lines.len() > 1 && lines.iter().all(|line| has_time(line)),
        "{shown}"
    );
    assert!(!banner.lines().any(has_time), "{shown}");
    let migrations = lines.iter().filter(|line| line.contains("migration"));
    assert_eq!(migrations.count(), 1, "{shown}");
    // A request is a short line.
    let url = banner.split_whitespace().next().unwrap();
    let host = url.split_once("://").expect(url).1;
    let mut stream = TcpStream::connect(host).unwrap();
    write!(
        stream,
        "GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    while !shown.contains("request.id=")
        && let Ok(count @ 1..) = emulator.read(&mut chunk)
    {
        shown += &String::from_utf8_lossy(&chunk[..count]);
    }
    let is_request = |line: &&str| line.contains("request GET / 200 ");
    let line = shown.lines().find(is_request).expect(&shown);
    assert!(
        line.len() < 110 && line.contains(" ms request.id="),
        "{line}"
    );
    emulator.write_all(b"\x03").unwrap();
    let _ = emulator.read_to_end(&mut Vec::new());
    assert!(child.wait().unwrap().success());
}
