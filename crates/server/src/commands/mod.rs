//! The commands, one file each. A command reads its input, calls a flow of the domain, and prints the result.

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
mod progress;
mod serve;
mod user;

use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::cli::{Cli, Command};
use crate::columns;
use crate::config as configuration;
use crate::config::{Config, Flag};
use crate::wiring::{self, Components};
use crate::worker;

use progress::ProgressMode;

/// Runs a command.
pub async fn run(cli: Cli) -> anyhow::Result<()> {
    let output = Output { json: cli.json };
    let file = cli.config.as_deref();
    let load = || configuration::load(file, None);
    match cli.command {
        Command::Serve(args) if args.ephemeral => {
            anyhow::ensure!(
                file.is_none(),
                "an in-memory server reads no file. Remove --config or --ephemeral"
            );
            ephemeral::run(&configuration::load_ephemeral()?.config).await
        }
        Command::Serve(args) => {
            let typed = args.dev_tls.then_some(DEVELOPMENT);
            let loaded = config::check_for_start(configuration::load(file, typed))?;
            serve::run(&loaded.config, output).await
        }
        Command::Migrate(args) => migrate::run(&load()?.config, &args, output).await,
        Command::Backup(args) => backup::run(&load()?.config, &args, output).await,
        Command::Export(args) => export::run(&load()?.config, &args, output).await,
        Command::Import(args) => import::run(&load()?.config, &args, output).await,
        Command::User(command) => user::run(&load()?.config, command, output).await,
        Command::Keys(command) => keys::run(&load()?.config, &command, output).await,
        Command::Audit(command) => audit::run(&load()?.config, command, output).await,
        // These report an invalid configuration themselves.
        Command::Config(command) => config::run(load(), &command, output).await,
        Command::Doctor(args) => doctor::run(load(), &args, output).await,
        Command::Healthcheck(args) => healthcheck::run(&load()?.config, &args, output).await,
        Command::Openapi => {
            let config = load()?.config;
            let document = doorward_web::openapi_document(&config.public_url(config.listen));
            say(&format!("{document:#}"))
        }
        // These need no configuration.
        Command::Init(args) => init::run(&args, file, output),
        Command::Passwords(command) => passwords::run(&command, output),
        Command::Completions(args) => completions::run(&args, output),
        Command::Man(args) => man::run(&args, output),
    }
}

/// Exit code of an error: 3 if the verification of the audit log failed, else 1.
pub fn exit_code(error: &anyhow::Error) -> ExitCode {
    match error.is::<audit::VerificationFailed>() {
        true => ExitCode::from(3),
        false => ExitCode::FAILURE,
    }
}

/// `serve --dev-tls`
const DEVELOPMENT: Flag = Flag {
    name: "--dev-tls",
    key: "tls.development",
};

/// Prints text, or JSON with `--json`.
#[derive(Debug, Clone, Copy)]
struct Output {
    json: bool,
}

impl Output {
    /// Where progress bars are shown.
    fn progress_mode(self) -> ProgressMode {
        if self.json {
            ProgressMode::Hidden
        } else {
            ProgressMode::Terminal
        }
    }

    /// Prints the text wrapped to the width of a terminal.
    fn print(self, text: &str, value: &Value) -> anyhow::Result<()> {
        self.print_unwrapped(&columns::fitted(text), value)
    }

    /// Prints the text unwrapped.
    fn print_unwrapped(self, text: &str, value: &Value) -> anyhow::Result<()> {
        if self.json {
            say(&value.to_string())
        } else {
            say(text.strip_suffix('\n').unwrap_or(text))
        }
    }
}

/// Prints to standard output. A closed pipe (`doorward user list | head`) is not an error; a full disk is, since a
/// generated password would be lost.
fn say(text: &str) -> anyhow::Result<()> {
    let mut output = std::io::stdout().lock();
    match writeln!(output, "{text}").and_then(|()| output.flush()) {
        Err(error) if error.kind() != ErrorKind::BrokenPipe => Err(error).context(
            "the command succeeded, but its output could not be written to standard output",
        ),
        _ => Ok(()),
    }
}

/// Opens the stores for a command that needs existing data. Fails, and creates nothing, if the embedded
/// database does not exist: the command was probably typed in the wrong folder.
async fn open(config: &Config) -> anyhow::Result<Components> {
    require_database(config)?;
    open_or_create(config).await
}

/// Fails if the database is a file that does not exist.
fn require_database(config: &Config) -> anyhow::Result<()> {
    match wiring::sql_settings(config).file() {
        Some(file) if !file.exists() => bail!(
            "No Doorward database at {}. Run `doorward serve` there first, or set DOORWARD_DATA_DIR",
            file.display()
        ),
        _ => Ok(()),
    }
}

/// Opens the stores for a command that may run next to a server, with one hashing thread. Like `serve`, it
/// applies pending migrations unless `database.migrate` is off.
async fn open_or_create(config: &Config) -> anyhow::Result<Components> {
    let quiet = Config {
        hashing_threads: 1,
        ..config.clone()
    };
    wiring::build(&quiet, config.listen).await
}

/// Seals the audit events of the command, since no server may be running, and closes the stores.
async fn finish(components: &Components) {
    worker::seal_rest(components).await;
    components.close().await;
}
