//! `audit`: the log checked against its seals, and written out.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `audit`
#[derive(Debug, Subcommand)]
pub enum AuditCommand {
    /// Walk the log from its start to its end, and name what was cut, edited, added or moved
    #[command(after_help = VERIFY_EXAMPLE)]
    Verify(VerifyAudit),
    /// Write the log as JSON lines, with what `verify` needs
    #[command(
        after_help = "Examples:\n  doorward audit export audit.jsonl\n  doorward audit export - --user ben --since 2026-11-01T00:00:00Z | less"
    )]
    Export(ExportAudit),
    /// Print the public key that an auditor checks an exported log with
    ///
    /// Write it down elsewhere, when you begin and before each change of the master key: what was
    /// sealed under an older master key is checked with it (audit verify --key), and it cannot be
    /// made again once that master key is lost.
    #[command(after_help = "Examples:\n  doorward audit key")]
    Key,
}

const VERIFY_EXAMPLE: &str = "Examples:
  doorward audit verify
  doorward audit verify --from-log /var/log/doorward.log
  doorward audit verify --file audit.jsonl --key KEY

Exit code 3 where something does not fit; 1 where the log could not be read. A
log whose end was cut looks like a shorter one: only a checkpoint that was kept
elsewhere tells, or, of an exported file, what its first line says of its end.
The server writes one into its own log every ten minutes and when it stops.
More: docs/operations/audit-log.md";

/// `audit verify`
#[derive(Debug, Args)]
pub struct VerifyAudit {
    /// Check an exported log, or - for standard input, and no database
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Trust this public key too; can be repeated. With --file, it alone
    // In base64url: one in 64 begins with a hyphen.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub key: Vec<String>,
    /// This seal must be there, POSITION:DIGEST; can be repeated
    #[arg(long, value_name = "CHECKPOINT")]
    pub checkpoint: Vec<String>,
    /// Every checkpoint that this log of the server tells of must be there
    #[arg(long, value_name = "FILE")]
    pub from_log: Option<PathBuf>,
}

/// `audit export`
#[derive(Debug, Args)]
pub struct ExportAudit {
    /// A new file, for its owner alone; or - for standard output
    #[arg(default_value = "-")]
    pub file: PathBuf,
    /// Events from this moment on: 2026-11-01T00:00:00Z
    #[arg(long, value_name = "MOMENT")]
    pub since: Option<jiff::Timestamp>,
    /// Events before this moment
    #[arg(long, value_name = "MOMENT")]
    pub until: Option<jiff::Timestamp>,
    /// Events about this user, or by them: a user name, an e-mail address or a user id
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Events of this kind, such as sign-in
    #[arg(long, value_name = "EVENT")]
    pub event: Option<String>,
}
