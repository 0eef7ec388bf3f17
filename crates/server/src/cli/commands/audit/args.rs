//! `audit`: verify and export the audit log.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// `audit`
#[derive(Debug, Subcommand)]
#[command(
    after_help = "Examples:\n  doorward audit verify\n  doorward audit export audit.jsonl --since 2026-11-01T00:00:00Z"
)]
pub enum AuditCommand {
    /// Verify the audit log and report modified, missing or added events
    #[command(after_help = VERIFY_EXAMPLE)]
    Verify(VerifyAuditArgs),
    /// Export the log as JSON lines for offline verification
    ///
    /// With --since, --until, --user or --event the file has some of the events. It is for reading and
    /// cannot be verified.
    #[command(
        after_help = "Examples:\n  doorward audit export audit.jsonl\n  doorward audit export - --user ben --since 2026-11-01T00:00:00Z | less"
    )]
    Export(ExportAuditArgs),
    /// Print the public key that verifies exported logs
    ///
    /// Record it outside the server, at the start and before each change of the master key. Checkpoints
    /// that an earlier master key signed are verified with it (audit verify --key), and it cannot be
    /// computed once that master key is lost.
    #[command(after_help = "Examples:\n  doorward audit key")]
    Key,
}

const VERIFY_EXAMPLE: &str = "Examples:
  doorward audit verify
  doorward audit verify --checkpoint CHECKPOINT
  doorward audit verify --file audit.jsonl --key KEY

Reports the first event that does not fit, with exit code 3. Exit code 1 if the
log could not be read. A log whose end was removed looks like a shorter log;
only a checkpoint recorded elsewhere shows it. The server writes a checkpoint to
its own log every ten minutes and when it stops.
More: docs/operations/verify-audit-log.md";

/// `audit verify`
#[derive(Debug, Args)]
pub struct VerifyAuditArgs {
    /// Verify an exported log instead of the database (- for standard input)
    #[arg(long, value_name = "FILE")]
    pub file: Option<PathBuf>,
    /// Additional trusted public key (repeatable); with --file, the only one
    // In base64url: one in 64 begins with a hyphen.
    #[arg(long, value_name = "KEY", allow_hyphen_values = true)]
    pub key: Vec<String>,
    /// Require this checkpoint, POSITION:HASH (repeatable)
    #[arg(long, value_name = "CHECKPOINT")]
    pub checkpoint: Vec<String>,
}

/// `audit export`
#[derive(Debug, Args)]
pub struct ExportAuditArgs {
    /// Output file (created with mode 0600), or - for standard output
    #[arg(default_value = "-")]
    pub file: PathBuf,
    /// Only events at or after this time, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub since: Option<jiff::Timestamp>,
    /// Only events before this time
    #[arg(long, value_name = "TIME")]
    pub until: Option<jiff::Timestamp>,
    /// Only events about or by this user: a username, an email address or a user id
    #[arg(long, value_name = "USER")]
    pub user: Option<String>,
    /// Only events of this kind, such as sign-in
    #[arg(long, value_name = "EVENT")]
    pub event: Option<String>,
}
