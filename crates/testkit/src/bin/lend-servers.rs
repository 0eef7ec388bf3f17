//! `lend-servers SOCKET_PATH` lends databases and servers to test processes that have the path in
//! `DOORWARD_TEST_SERVERS`, so that they start none of their own: see `servers/lend.rs`.
//!
//! It prints `ready` when it answers on the socket. At the end of its standard input, or when it is killed, it ends,
//! and its servers end with it.

use std::os::unix::net::UnixListener;
use std::process::ExitCode;

use doorward_testkit::servers::lend;

fn main() -> ExitCode {
    let Some(path) = std::env::args_os().nth(1) else {
        eprintln!("usage: lend-servers SOCKET_PATH");
        return ExitCode::from(2);
    };
    // A killed run leaves its socket.
    std::fs::remove_file(&path).ok();
    let listener = match UnixListener::bind(&path) {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!("{}: {error}", path.display());
            return ExitCode::FAILURE;
        }
    };
    std::thread::spawn(move || lend(&listener));
    println!("ready");
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink()).ok();
    std::fs::remove_file(&path).ok();
    ExitCode::SUCCESS
}
