//! `doorward`: the binary. Command line, configuration, wiring, the listener and the worker.
//!
//! It knows every other crate and decides no rule: each command reads its configuration, puts
//! the parts together (`wiring`), and calls `Accounts`. To add a command: a variant in `cli`, a
//! file under `commands/`.

mod bootstrap;
mod cli;
mod commands;
mod config;
mod fetch;
mod first_bytes;
mod logging;
mod master_key;
mod moving;
mod serve;
mod system;
mod wiring;
mod worker;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
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
    match runtime.block_on(commands::run(cli)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("doorward: {error:#}");
            ExitCode::FAILURE
        }
    }
}
