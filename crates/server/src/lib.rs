//! `doorward`: the program. Command line, configuration, wiring, the listener and the worker.
//!
//! A library for the binary beside it, and for the fuzzer, which reads what strangers write with these
//! very readers; nobody else's to use: but for [`main`] all of it is private.
//!
//! It knows every other crate and decides no rule: each command reads its configuration, puts
//! the parts together (`wiring`), and calls `Accounts`. To add a command: a variant in `cli`, a
//! file under `commands/`.

mod bootstrap;
mod breached;
mod cli;
mod columns;
mod commands;
mod config;
mod fetch;
#[cfg(any(test, fuzzing))]
#[doc(hidden)]
pub mod fuzzing;
mod import;
mod inbox;
mod listener;
mod logging;
mod master_key;
mod parent;
mod private_file;
mod system;
mod telemetry;
mod wiring;
mod worker;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::json;
use tokio::runtime::Runtime;

/// How long threads that still wait for something hold up the end.
const LAST_MOMENT: Duration = Duration::from_secs(2);

/// The whole program.
pub fn main() -> ExitCode {
    let cli = match cli::Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return wrongly_called(&error),
    };
    let is_for_programs = cli.json;
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("doorward: cannot start its threads: {error}");
            return ExitCode::FAILURE;
        }
    };
    match through(runtime, commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) if is_for_programs => {
            eprintln!("{}", json!({"error": told(&error)}));
            commands::exit_code(&error)
        }
        Err(error) => {
            eprintln!("doorward: {}", told(&error));
            commands::exit_code(&error)
        }
    }
}

/// Runs it to its end. A file on a disk that is gone, or a name that nobody resolves, may hold a thread
/// for ever, but not the process.
fn through(
    runtime: Runtime,
    command: impl Future<Output = anyhow::Result<()>>,
) -> anyhow::Result<()> {
    let outcome = runtime.block_on(command);
    runtime.shutdown_timeout(LAST_MOMENT);
    outcome
}

/// Help and the version are no errors, and go to standard output.
fn wrongly_called(error: &clap::Error) -> ExitCode {
    let is_for_programs = std::env::args_os().any(|argument| argument == "--json");
    if error.use_stderr() && is_for_programs {
        let text = error.render().to_string();
        let text = text.strip_prefix("error: ").unwrap_or(&text).trim_end();
        eprintln!("{}", json!({"error": text}));
        return ExitCode::from(2);
    }
    error.exit()
}

/// The error and what it came from, each said once: many a sentence has its cause in it already.
fn told(error: &anyhow::Error) -> String {
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

    use super::{LAST_MOMENT, Runtime, through, told};

    #[test]
    fn a_thread_that_waits_for_ever_holds_nobody_up() {
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
            ended.send(through(Runtime::new().unwrap(), stuck)).unwrap();
        });
        end.recv_timeout(LAST_MOMENT * 5).unwrap().unwrap();
    }

    #[test]
    fn a_cause_is_told_once() {
        let error = anyhow!("refused").context("nobody answers (refused); is it running?");
        let error = error.context("the database cannot be opened");
        assert_eq!(
            told(&error),
            "the database cannot be opened: nobody answers (refused); is it running?"
        );
    }
}
