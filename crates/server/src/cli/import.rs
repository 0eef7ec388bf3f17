//! `export` and `import`: moving users to another store, and from other systems.

use std::path::PathBuf;

use clap::Args;

use crate::import::{EmailStatus, Format, UserField};

pub(super) const EXPORT_EXAMPLE: &str = "Examples:
  doorward export users.jsonl

An interrupted export continues where it stopped if you run it again. Sessions,
links, mails and the audit log are not exported. See docs/EXPORT-IMPORT.md";

/// `export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// Output file (created with mode 0600), or - for standard output
    pub file: Option<PathBuf>,
    /// Print to standard output even if it is a terminal
    #[arg(long)]
    pub force: bool,
}

pub(super) const IMPORT_EXAMPLE: &str = "Examples:
  doorward import users.json --format django --dry-run --report report.jsonl

An import can be repeated: users that exist already are left as they are.
See docs/EXPORT-IMPORT.md and docs/IMPORT.md";

/// `import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// Input file, or - for standard input
    #[arg(default_value = "-")]
    pub file: PathBuf,
    /// Input format, if it cannot be detected
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Validate the file and report the result without writing
    #[arg(long)]
    pub dry_run: bool,
    /// Write rejected and changed users to this file
    #[arg(long, value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Exit with 0 even if users were rejected
    #[arg(long)]
    pub allow_rejects: bool,
    /// Import the user without this field if it is invalid (repeatable)
    #[arg(long, value_enum, value_name = "FIELD")]
    pub drop_invalid: Vec<UserField>,
    /// Email status of imported users
    #[arg(long, value_enum, default_value = "keep")]
    pub email_status: EmailStatus,
    /// Keep the admin role
    #[arg(long)]
    pub keep_admins: bool,
    /// Language for users without one
    #[arg(long, value_name = "TAG")]
    pub default_locale: Option<String>,
    /// File with Firebase's “Password hash parameters”
    #[arg(long, value_name = "FILE")]
    pub firebase_hash_config: Option<PathBuf>,
}
