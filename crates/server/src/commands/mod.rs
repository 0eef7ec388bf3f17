//! The commands, a file each: each reads, calls one story, and prints.

pub(crate) mod audit;
mod backup;
mod completions;
mod config;
mod doctor;
mod ephemeral;
mod export;
mod healthcheck;
mod import;
mod init;
mod keys;
mod man;
mod migrate;
mod passwords;
mod serve;
mod user;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Context;
use serde_json::Value;

use crate::cli::{Cli, Command};
use crate::columns;
use crate::config as configuration;
use crate::config::{Config, Flag};
use crate::moving::progress::Watched;
use crate::wiring::{self, Wired};
use crate::worker;

/// Runs the command that was typed.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let output = Output { json: cli.json };
    let file = cli.config.as_deref();
    let load = || configuration::load(file, None);
    match cli.command {
        Command::Serve(args) if args.ephemeral => {
            anyhow::ensure!(
                file.is_none(),
                "a throwaway server reads no file: leave --config out, or --ephemeral"
            );
            ephemeral::run(&configuration::load_ephemeral()?.config).await
        }
        Command::Serve(args) => {
            let typed = args.dev_tls.then_some(DEVELOPMENT);
            serve::run(&configuration::load(file, typed)?.config, output).await
        }
        Command::Migrate(args) => migrate::run(&load()?.config, &args, output).await,
        Command::Backup(args) => backup::run(&load()?.config, &args, output).await,
        Command::Export(args) => export::run(&load()?.config, &args, output).await,
        Command::Import(args) => import::run(&load()?.config, &args, output).await,
        Command::User(command) => user::run(&load()?.config, command, output).await,
        Command::Keys(command) => keys::run(&load()?.config, &command, output).await,
        Command::Audit(command) => audit::run(&load()?.config, command, output).await,
        // What cannot be used is what these two are for.
        Command::Config(command) => config::run(load(), &command, output).await,
        Command::Doctor(args) => doctor::run(load(), &args, output).await,
        Command::Healthcheck(args) => healthcheck::run(&load()?.config, &args, output).await,
        Command::Openapi => {
            let config = load()?.config;
            let document = doorward_web::openapi_document(&config.public_url(config.listen));
            say(&format!("{document:#}"))
        }
        // These read no configuration: they are there before one is, or to mend one.
        Command::Init(args) => init::run(&args, file, output),
        Command::Passwords(command) => passwords::run(&command, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Man(args) => man::run(&args, output),
    }
}

/// What a program is told of an error: 3 where the audit log was looked at and does not hold, else 1.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.is::<audit::DoesNotHold>() {
        true => ExitCode::from(3),
        false => ExitCode::FAILURE,
    }
}

/// `serve --dev-tls`
const DEVELOPMENT: Flag = Flag {
    name: "--dev-tls",
    key: "tls.development",
};

/// Text for people, or JSON for programs.
#[derive(Debug, Clone, Copy)]
struct Output {
    json: bool,
}

impl Output {
    /// Whether a bar is for anybody.
    fn watched(self) -> Watched {
        if self.json {
            Watched::ByProgram
        } else {
            Watched::ByPeople
        }
    }

    /// The text is broken where a line is longer than a terminal is wide.
    fn print(self, text: &str, value: &Value) -> anyhow::Result<()> {
        self.print_as_it_is(&columns::fitted(text), value)
    }

    /// For what other programs read.
    fn print_as_it_is(self, text: &str, value: &Value) -> anyhow::Result<()> {
        if self.json {
            say(&value.to_string())
        } else {
            say(text.strip_suffix('\n').unwrap_or(text))
        }
    }
}

/// Prints to whoever reads. Nobody may: `doorward user list | head` hangs up early, and is content.
/// A full disk is not: what is shown once would be lost without a word.
fn say(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error)
            .context("it is done, but what it has to say could not be written to standard output"),
        _ => Ok(()),
    }
}

/// The parts, for a command that may run beside a server: one thread hashes. Like `serve`, it brings
/// the schema up to date unless `database.migrate` is off.
async fn open(config: &Config) -> anyhow::Result<Wired> {
    let quiet = Config {
        hashing_threads: 1,
        ..config.clone()
    };
    wiring::wire(&quiet, config.listen).await
}

/// Seals what the command has written to the audit log, for no server may run to do it, and hangs up.
async fn finish(wired: &Wired) {
    worker::seal_rest(wired).await;
    wired.close().await;
}
