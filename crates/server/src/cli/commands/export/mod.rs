//! `doorward export [FILE]`

mod partial_file;

use std::io::{BufWriter, IsTerminal, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use doorward_domain::ctx::{Actor, Ctx};
use doorward_domain::factors::FactorName;
use doorward_domain::transfer::ExportedUser;
use doorward_domain::values::UserId;
use doorward_import::doorward_format;
use doorward_store_sql::migration_status;
use serde_json::{Value, json};

use crate::cli::output::Output;
use crate::cli::progress::{ProgressMode, ProgressReporter};
use crate::cli::stores::{finish, open};
use crate::config::Config;
use crate::wiring::Components;

use partial_file::PartialFile;

const EXAMPLES: &str = "Examples:
  doorward export users.jsonl

An interrupted export continues where it stopped if you run it again. Sessions,
links, mails and the audit log are not exported. See docs/EXPORT-IMPORT.md";

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
        Some(path) => to_file(config, &components, path, output).await,
    };
    finish(&components).await;
    exported
}

async fn to_stdout(components: &Components, output: Output) -> anyhow::Result<()> {
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    stdout.write_all(doorward_format::HEADER.as_bytes())?;
    let written = write_users(components, &mut stdout, None, 0, output.progress_mode()).await?;
    stdout.flush()?;
    written.report_skipped();
    Ok(())
}

async fn to_file(
    config: &Config,
    components: &Components,
    path: &Path,
    output: Output,
) -> anyhow::Result<()> {
    let (mut part, before) = PartialFile::open(path, &database(config).await?)?;
    if let Some(before) = before {
        let ctx = components.ctx(Actor::CommandLine);
        if !components
            .doorward
            .transfer
            .user_exists(&ctx, before.last)
            .await?
        {
            bail!(
                "{}.part ends with a user that is not in this database. Remove it to start over",
                path.display()
            );
        }
        if !output.json {
            eprintln!(
                "Continuing after {} users of an interrupted export; later changes to them are not in the file.",
                before.users
            );
        }
    }
    let last = before.map(|before| before.last);
    let count = before.map_or(0, |before| before.users);
    let written = write_users(
        components,
        part.writer(),
        last,
        count,
        output.progress_mode(),
    )
    .await?;
    part.finish()?;
    let file = path.display().to_string();
    let count = written.users;
    if !output.json {
        written.report_skipped();
    }
    output.print(
        &format!("{file} contains {count} users with their password hashes and the secrets of their authenticator apps: protect it like the database."),
        &json!({"users": count, "file": file, "skipped_factors": written.skipped_json()}),
    )?;
    Ok(())
}

/// What an export wrote, and what it had to skip.
struct Written {
    /// Number of users, including those of an interrupted export before it.
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
            was_last: factors.totp.is_empty(),
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

/// Identifies a database, by the time its schema was created.
async fn database(config: &Config) -> anyhow::Result<String> {
    let status = migration_status(&config.sql_settings()).await?;
    let first = status.first().and_then(|first| first.applied_at);
    let created_at = first.context("the database has no creation time")?;
    Ok(format!("a database created at {created_at}\n"))
}

/// Writes all users after `last`. `count` is the number of users before.
async fn write_users(
    components: &Components,
    to: &mut impl Write,
    mut last: Option<UserId>,
    count: u64,
    mode: ProgressMode,
) -> anyhow::Result<Written> {
    let ctx: Ctx = components.ctx(Actor::CommandLine);
    let mut written = Written {
        users: count,
        skipped: Vec::new(),
    };
    let progress = ProgressReporter::for_users(count, mode);
    loop {
        let page = components
            .doorward
            .transfer
            .export(&ctx, last, PAGE)
            .await?;
        for exported in &page {
            doorward_format::write(to, exported)?;
            written.add(exported);
        }
        // An interrupted export continues after a complete page.
        to.flush()?;
        progress.users(written.users);
        match page.last() {
            Some(user) if page.len() == PAGE => last = Some(user.user.id),
            _ => break,
        }
    }
    progress.finish();
    Ok(written)
}
