//! `doorward export [FILE]`

use std::fs::File;
use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use doorward_domain::ctx::{Actor, Ctx};
use doorward_domain::factors::FactorName;
use doorward_domain::transfer::ExportedUser;
use doorward_domain::values::UserId;
use doorward_import::doorward_format;
use serde_json::{Value, json};

use crate::cli::output::Output;
use crate::cli::progress::ProgressReporter;
use crate::cli::stores::{finish, open};
use crate::config::Config;
use crate::data_dir::private_file;
use crate::wiring::Components;

const EXAMPLES: &str = "Examples:
  doorward export users.jsonl

Sessions, links, mails and the audit log are not exported. See
docs/EXPORT-IMPORT.md";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub struct ExportArgs {
    /// Output file (created with mode 0600), or - for standard output
    pub file: Option<PathBuf>,
    /// Print to standard output even if it is a terminal
    #[arg(long)]
    pub force: bool,
}

/// Number of users read at a time.
const PAGE: usize = 500;

pub(super) async fn run(config: &Config, args: &ExportArgs, output: Output) -> anyhow::Result<()> {
    let file = args.file.as_deref().filter(|file| *file != Path::new("-"));
    if file.is_none() && !args.force && std::io::stdout().is_terminal() {
        bail!(
            "The export contains password hashes and the secrets of authenticator apps. Name a file, or pass --force to print them to the terminal"
        );
    }
    let components = open(config).await?;
    let exported = match file {
        None => to_stdout(&components, output).await,
        Some(path) => to_file(&components, path, output).await,
    };
    finish(&components).await;
    exported
}

async fn to_stdout(components: &Components, output: Output) -> anyhow::Result<()> {
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    let written = write_users(components, &mut stdout, output).await?;
    stdout.flush()?;
    written.report_skipped();
    Ok(())
}

/// Only the owner may read the file (C-01). It must not exist: in a folder that others can write to, an attacker could
/// prepare one and read every hash.
async fn to_file(components: &Components, path: &Path, output: Output) -> anyhow::Result<()> {
    let shown = path.display();
    let file = private_file::create_new(path);
    let file = file.with_context(|| format!("cannot create {shown}"))?;
    let written = write_file(components, file, output).await;
    if written.is_err() {
        // The first error is the one to report.
        let _ = std::fs::remove_file(path);
    }
    let written = written?;
    if !output.json {
        written.report_skipped();
    }
    let count = written.users;
    output.print(
        &format!("{shown} contains {count} users with their password hashes and the secrets of their authenticator apps: protect it like the database."),
        &json!({"users": count, "file": shown.to_string(), "skipped_factors": written.skipped_json()}),
    )
}

async fn write_file(
    components: &Components,
    file: File,
    output: Output,
) -> anyhow::Result<Written> {
    let mut file = BufWriter::with_capacity(1 << 18, file);
    let written = write_users(components, &mut file, output).await?;
    file.into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?;
    Ok(written)
}

/// What an export wrote, and what it had to skip.
#[derive(Default)]
struct Written {
    /// Number of users.
    users: u64,
    /// Authenticators whose secrets are sealed with another master key.
    skipped: Vec<SkippedFactor>,
}

struct SkippedFactor {
    user_id: UserId,
    name: FactorName,
    /// `true` if the user has no other authenticator in the file.
    was_last: bool,
}

impl Written {
    fn add(&mut self, exported: &ExportedUser) {
        self.users += 1;
        let Some(factors) = &exported.factors else {
            return;
        };
        let skipped = factors.skipped.iter().map(|name| SkippedFactor {
            user_id: exported.user.id,
            name: name.clone(),
            was_last: factors.is_empty(),
        });
        self.skipped.extend(skipped);
    }

    /// Names each skipped authenticator on standard error, and their number.
    fn report_skipped(&self) {
        for skipped in &self.skipped {
            let consequence = match skipped.was_last {
                true => ". The user has no second factor in the file",
                false => "",
            };
            eprintln!(
                "skipped the authenticator app {:?} of the user {}: it is sealed with another master key{consequence}",
                skipped.name.as_str(),
                skipped.user_id
            );
        }
        if !self.skipped.is_empty() {
            eprintln!(
                "Skipped {} authenticator apps. Their users have to add them again",
                self.skipped.len()
            );
        }
    }

    fn skipped_json(&self) -> Value {
        let skipped = self.skipped.iter().map(|skipped| {
            let user_id = skipped.user_id.to_string();
            json!({"user": user_id, "name": skipped.name.as_str(), "was_last": skipped.was_last})
        });
        skipped.collect()
    }
}

/// Writes the header and all users.
async fn write_users(
    components: &Components,
    to: &mut impl Write,
    output: Output,
) -> anyhow::Result<Written> {
    to.write_all(doorward_format::HEADER.as_bytes())?;
    let ctx: Ctx = components.ctx(Actor::CommandLine);
    let progress = ProgressReporter::counting("users", output);
    let (mut last, mut written) = (None, Written::default());
    loop {
        let page = components
            .doorward
            .user_export
            .export(&ctx, last, PAGE)
            .await?;
        for exported in &page {
            doorward_format::write(to, exported)?;
            written.add(exported);
        }
        progress.count(written.users);
        match page.last() {
            Some(user) if page.len() == PAGE => last = Some(user.user.id),
            _ => break,
        }
    }
    Ok(written)
}
