//! `doorward audit`: for whoever answers for the log, and for auditors.

mod export;
mod file;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzzing;
mod lines;
mod verify;

use anyhow::Context;
use doorward_domain::audit::AuditSigner;
use serde_json::json;

use super::{Output, finish, open};
use crate::cli::AuditCommand;
use crate::config::Config;
use crate::master_key;

/// The log was looked at, and something is wrong: unlike a log that could not be looked at, this has an
/// exit code of its own.
#[derive(Debug)]
pub(super) struct DoesNotHold {
    findings: u64,
}

impl std::fmt::Display for DoesNotHold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let findings = self.findings;
        write!(f, "the audit log does not hold: {findings} findings")
    }
}

impl std::error::Error for DoesNotHold {}

pub(super) async fn run(
    config: &Config,
    command: AuditCommand,
    output: Output,
) -> anyhow::Result<()> {
    match command {
        AuditCommand::Verify(args) => verify::run(config, &args, output).await,
        AuditCommand::Export(args) => {
            let wired = open(config).await?;
            let exported = export::run(&wired, &args, output).await;
            finish(&wired).await;
            exported
        }
        AuditCommand::Key => {
            let master = master_key::find(config)?;
            let master = master.context(
                "there is no master key here: run this where the server runs, with its configuration",
            )?;
            let key = AuditSigner::of(&master).public_key().to_string();
            output.print_as_it_is(&key, &json!({"public_key": key}))
        }
    }
}
