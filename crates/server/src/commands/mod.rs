//! The commands, a file each: each reads, calls one story, and prints.

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
mod serve;
mod user;

use std::io::Write;

use serde_json::Value;

use crate::cli::{Cli, Command, ConfigCommand};
use crate::columns;
use crate::config as configuration;
use crate::config::Config;
use crate::moving::progress::Watched;
use crate::wiring::{self, Wired};

/// Runs the command that was typed.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let output = Output { json: cli.json };
    if let Command::Serve(args) = &cli.command
        && args.ephemeral
    {
        anyhow::ensure!(
            cli.config.is_none(),
            "a throwaway server reads no file: leave --config out, or --ephemeral"
        );
        return ephemeral::run(&configuration::load_ephemeral()?.config).await;
    }
    // These read no configuration: they are there before one is, or to mend one.
    match &cli.command {
        Command::Init(args) => return init::run(args, output),
        Command::Completions(args) => return completions::run(args, output),
        Command::Man(args) => return man::run(args, output),
        _ => {}
    }
    let loaded = match (configuration::load(cli.config.as_deref()), &cli.command) {
        // What cannot be used is what the doctor is for.
        (Err(refused), Command::Doctor(args)) => {
            return doctor::run(Err(refused), args, output).await;
        }
        (Err(error), Command::Config(ConfigCommand::Check)) => {
            return config::refused(error, output);
        }
        (loaded, _) => loaded?,
    };
    match cli.command {
        Command::Serve(args) if args.dev_tls => {
            serve::run(&loaded.with_development_tls()?, output).await
        }
        Command::Serve(_) => serve::run(&loaded.config, output).await,
        Command::Migrate(args) => migrate::run(&loaded.config, &args, output).await,
        Command::Backup(args) => backup::run(&loaded.config, &args, output).await,
        Command::Export(args) => export::run(&loaded.config, &args, output).await,
        Command::Import(args) => import::run(&loaded.config, &args, output).await,
        Command::User(command) => user::run(&loaded.config, command, output).await,
        Command::Keys(command) => keys::run(&loaded.config, &command, output).await,
        Command::Config(command) => config::run(&loaded, &command, output),
        Command::Doctor(args) => doctor::run(Ok(loaded), &args, output).await,
        Command::Healthcheck(args) => healthcheck::run(&loaded.config, &args, output).await,
        Command::Openapi => {
            let document =
                doorward_web::openapi_document(&loaded.config.public_url(loaded.config.listen));
            say(&format!("{document:#}"));
            Ok(())
        }
        Command::Init(_) | Command::Completions(_) | Command::Man(_) => Ok(()),
    }
}

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
    fn print(self, text: &str, value: &Value) {
        self.print_as_it_is(&columns::fitted(text), value);
    }

    /// For what other programs read.
    fn print_as_it_is(self, text: &str, value: &Value) {
        if self.json {
            say(&value.to_string());
        } else {
            say(text.strip_suffix('\n').unwrap_or(text));
        }
    }
}

/// Prints to whoever reads. Nobody may: `doorward user list | head` hangs up early, and a server
/// goes on without its terminal.
fn say(text: &str) {
    if let Err(error) = writeln!(std::io::stdout(), "{text}") {
        tracing::debug!(%error, "nobody reads the output");
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
