//! `doorward`: the program. Command line, configuration, wiring, listener and worker.
//!
//! It is a library for the binary and for the fuzzer only: except for [`main`], everything is private.
//!
//! It depends on all other crates and contains no rules: a command reads its configuration, connects the components
//! and calls the services of `doorward_domain::Doorward`.
//!
//! - `cli`: the commands, each with its options and its code; `config`: all settings;
//! - `wiring`: connects stores, mail and the domain; `database`: the database of any kind; `data_dir`: the master key
//!   and other files with secrets; `breached`: the filter of breached passwords;
//! - `listener`: connections; `tls`: handshakes and certificates; `worker`: background tasks; `telemetry`: log,
//!   metrics, traces;
//! - `lambda`: the same program as functions of AWS Lambda, with the feature `aws`;
//! - `system`: clock and random source; `fetch`: an HTTPS client.

mod breached;
mod cli;
mod config;
mod data_dir;
mod database;
mod fetch;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
#[cfg(feature = "aws")]
mod lambda;
mod listener;
mod system;
mod telemetry;
mod tls;
mod wiring;
mod worker;

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::json;
use tokio::runtime::Runtime;

use cli::style::{self, Stream};

/// Maximum delay of the exit by blocked threads.
const THREAD_TIMEOUT: Duration = Duration::from_secs(2);

/// Runs the program.
pub fn main() -> ExitCode {
    #[cfg(feature = "aws")]
    if let Some(environment) = lambda::environment() {
        return run_to_exit(lambda::run(environment), false);
    }
    let cli = match cli::Cli::parse_arguments() {
        Ok(cli) => cli,
        Err(error) => return usage_error(&error),
    };
    let is_json = cli.json;
    run_to_exit(cli.run(), is_json)
}

/// Runs a command and prints its error.
fn run_to_exit(command: impl Future<Output = anyhow::Result<()>>, is_json: bool) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("doorward: cannot start threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match run(runtime, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_json => {
            eprintln!("{}", json!({"error": message(&error)}));
            cli::exit_code(&error)
        }
        Err(error) => {
            let name = style::failure("doorward:", Stream::Error);
            eprintln!("{name} {}", message(&error));
            cli::exit_code(&error)
        }
    }
}

/// Runs a command. A thread that is blocked forever, by a lost disk or a name lookup, does not keep the process alive.
fn run(runtime: Runtime, command: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(THREAD_TIMEOUT);
    outcome
}

/// Prints a usage error, or help and version, which go to standard output.
fn usage_error(error: &clap::Error) -> ExitCode {
    let is_json = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr() && is_json {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        eprintln!("{}", json!({"error": text}));
        return ExitCode::from(2);
    }
    let text = error.render().to_string();
    // A closed pipe (`doorward --help | head`) is not an error.
    if error.use_stderr() {
        let _ = write!(std::io::stderr(), "{}", style::help(&text, Stream::Error));
        return ExitCode::from(2);
    }
    let _ = write!(std::io::stdout(), "{}", style::help(&text, Stream::Output));
    ExitCode::SUCCESS
}

/// The error with its causes. A cause that the text contains already is not repeated.
fn message(error: &anyhow::Error) -> String {
    let mut text = String::new();
    for part in error.chain().map(ToString::to_string) {
        if text.is_empty() {
            text = part;
        } else if !text.contains(&part) {
            text = format!("{text}: {part}");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::{Runtime, THREAD_TIMEOUT, message, run};

    #[test]
    fn a_blocked_thread_does_not_delay_the_exit() {
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let stuck = async {
                let (hangs, hanging) = tokio::sync::oneshot::channel();
                tokio::spawn(async {
                    tokio::task::block_in_place(|| {
                        hangs.send(()).unwrap();
                        loop {
                            std::thread::park();
                        }
                    });
                });
                Ok(hanging.await?)
            };
            ended.send(run(Runtime::new().unwrap(), stuck)).unwrap();
        });
        end.recv_timeout(THREAD_TIMEOUT * 5).unwrap().unwrap();
    }

    #[test]
    fn the_causes_of_a_store_error_are_printed_once() {
        let error = doorward_domain::store::StoreError::new("read users", "disk I/O error");
        let error = anyhow::Error::new(doorward_domain::Error::from(error));
        assert_eq!(
            message(&error),
            "store unavailable: read users: disk I/O error"
        );
    }

    #[test]
    fn a_cause_is_not_repeated() {
        let error = anyhow!("refused").context("no response (refused); is it running?");
        let error = error.context("the database cannot be opened");
        assert_eq!(
            message(&error),
            "the database cannot be opened: no response (refused); is it running?"
        );
    }
}
