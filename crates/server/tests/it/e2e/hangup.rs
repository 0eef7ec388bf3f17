//! SIGHUP: closing the terminal stops the server; anywhere else it reloads certificates.

use std::fs::File;
use std::process::Stdio;

use doorward_testkit::servers::Authority;

use super::terminal::{serve_in_session, terminal};
use super::{Server, Setup, eventually};

/// Starts the server as the first process of a session in this terminal, after `prefix`.
fn start_in(setup: &Setup, terminal: File, prefix: &[&str]) -> Server {
    let mut command = serve_in_session(setup, prefix);
    command
        .stdin(terminal)
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    setup.start_by(command)
}

#[test]
fn closing_the_terminal_stops_the_server() {
    let (emulator, program) = terminal();
    // The tests may run under `nohup`, and an ignored signal is inherited.
    let default = ["env", "--default-signal=HUP"];
    let server = start_in(&Setup::on_a_file(), program, &default);
    server.get("/healthz").expect(200);
    drop(emulator);
    let (status, log) = server.wait();
    assert!(status.success(), "{status}: {log}");
    assert!(log.contains("stopped"), "{log}");
}

#[test]
fn a_server_under_nohup_survives_its_terminal() {
    let (emulator, program) = terminal();
    // `nohup` would also redirect standard input.
    let ignore = ["/bin/sh", "-c", "trap '' HUP; exec \"$@\"", "sh"];
    let server = start_in(&Setup::on_a_file(), program, &ignore);
    drop(emulator);
    server.signal("HUP");
    eventually("the signal is received", || {
        server.log().contains("SIGHUP ignored").then_some(())
    });
    server.get("/healthz").expect(200);
    server.stop();
}

#[test]
fn a_server_with_certificate_files_reloads_them_in_a_terminal_too() {
    let authority = Authority::new();
    let (_emulator, program) = terminal();
    let certificate = authority.certificate("localhost");
    let setup = Setup::on_a_file().with_tls(&certificate.chain(), &certificate.key());
    let server = start_in(&setup, program, &[]);
    server.signal("HUP");
    eventually("the signal is received", || {
        server.log().contains("certificate unchanged").then_some(())
    });
    server.stop();
}
