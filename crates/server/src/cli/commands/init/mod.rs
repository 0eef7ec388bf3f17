//! `doorward init [FILE]`

use clap::Args;
mod template;

use std::fs::{OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use serde_json::json;

use crate::cli::output::Output;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  doorward init\n  doorward init /etc/doorward/doorward.toml\n  doorward init -"
)]
pub struct InitArgs {
    /// Output file (created with mode 0600), or - for standard output. Default: the file of --config, or
    /// doorward.toml
    pub file: Option<PathBuf>,
    /// Overwrite an existing file
    #[arg(long)]
    pub force: bool,
}

/// `configured` is the file of `--config`.
pub(super) fn run(
    args: &InitArgs,
    configured: Option<&Path>,
    output: Output,
) -> anyhow::Result<()> {
    let text = template::text();
    let path = args.file.as_deref().or(configured);
    let path = path.unwrap_or(Path::new("doorward.toml"));
    if path == Path::new("-") {
        return output.print_unwrapped(&text, &json!({"text": text}));
    }
    let file = path.display().to_string();
    // Mode 0600 from the beginning: it may contain passwords.
    let mut options = OpenOptions::new();
    options.write(true).mode(0o600);
    if args.force {
        options.create(true).truncate(true);
    } else {
        options.create_new(true);
    }
    let mut written = match options.open(path) {
        Ok(written) => written,
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!(
                "{file} exists. Pass --force to overwrite it, or run `doorward init -` to print to standard output"
            )
        }
        Err(error) => return Err(error).with_context(|| format!("cannot write {file}")),
    };
    // An existing file would keep its mode.
    written
        .set_permissions(Permissions::from_mode(0o600))
        .and_then(|()| written.write_all(text.as_bytes()))
        .with_context(|| format!("cannot write {file}"))?;
    let message = format!(
        "Created {file}. All settings in it are commented out, so it changes nothing yet.\n`doorward config show` shows the values in effect."
    );
    output.print(&message, &json!({"file": file}))
}
