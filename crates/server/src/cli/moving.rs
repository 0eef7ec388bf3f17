//! `export` and `import`: users on their way to another store, and from other systems.

use std::path::PathBuf;

use clap::Args;

use crate::moving::{Emails, Format, Part};

pub(super) const EXPORT_EXAMPLE: &str = "Examples:
  doorward export users.jsonl

One that was broken off goes on where it stopped when it is typed again.
Sessions, links, mails and the audit log stay. More: docs/MOVING.md";

/// `export`
#[derive(Debug, Args)]
pub struct ExportArgs {
    /// A new file, for its owner alone; or - for standard output
    pub file: Option<PathBuf>,
}

pub(super) const IMPORT_EXAMPLE: &str = "Examples:
  doorward import users.json --format django --check --report report.jsonl

It can be typed again: whoever is in already counts as already there. More: docs/MOVING.md";

/// `import`
#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The file, or - for standard input
    #[arg(default_value = "-")]
    pub file: PathBuf,
    /// Whose file it is, where that cannot be told
    #[arg(long, value_enum)]
    pub format: Option<Format>,
    /// Change nothing, and say what would become of everybody
    #[arg(long)]
    pub check: bool,
    /// Write into this file who was rejected or adapted, and why
    #[arg(long, visible_alias = "rejects", value_name = "FILE")]
    pub report: Option<PathBuf>,
    /// Exit with 0 even where somebody was rejected
    #[arg(long)]
    pub allow_rejects: bool,
    /// Take a user without this part where it cannot be taken; can be repeated
    #[arg(long, value_enum, value_name = "PART")]
    pub without: Vec<Part>,
    /// Whose addresses count as confirmed, in a file of another system
    #[arg(long, value_enum, default_value = "as-told")]
    pub emails: Emails,
    /// Whoever is an admin in the other system becomes one here
    #[arg(long)]
    pub admins: bool,
    /// The language of whoever has none in the other system
    #[arg(long, value_name = "TAG")]
    pub locale: Option<String>,
    /// What Firebase's console shows under “Password hash parameters”
    #[arg(long, value_name = "FILE")]
    pub firebase_hash_config: Option<PathBuf>,
}
