//! `doorward export [FILE]`

use std::io::{BufWriter, IsTerminal, Write};
use std::path::Path;

use anyhow::{Context, bail};
use doorward_domain::ctx::{Actor, Ctx};
use doorward_domain::values::UserId;
use doorward_store_sql::migration_status;
use serde_json::json;

use super::{Output, finish, open};
use crate::cli::ExportArgs;
use crate::config::Config;
use crate::moving::doorward;
use crate::moving::part::PartFile;
use crate::moving::progress::{Progress, Watched};
use crate::wiring::{Wired, sql_settings};

/// How many users are read at a time.
const PAGE: usize = 500;

pub(super) async fn run(config: &Config, args: &ExportArgs, output: Output) -> anyhow::Result<()> {
    let wired = open(config).await?;
    let exported = match args.file.as_deref() {
        None if std::io::stdout().is_terminal() => {
            bail!("say where to: a file, or - for standard output; there are password hashes in it")
        }
        None => to_stdout(&wired, output).await,
        Some(path) if path == Path::new("-") => to_stdout(&wired, output).await,
        Some(path) => to_file(config, &wired, path, output).await,
    };
    finish(&wired).await;
    exported
}

async fn to_stdout(wired: &Wired, output: Output) -> anyhow::Result<()> {
    let mut stdout = BufWriter::new(std::io::stdout().lock());
    stdout.write_all(doorward::HEADER.as_bytes())?;
    write_users(wired, &mut stdout, None, 0, output.watched()).await?;
    Ok(stdout.flush()?)
}

async fn to_file(
    config: &Config,
    wired: &Wired,
    path: &Path,
    output: Output,
) -> anyhow::Result<()> {
    let (mut part, before) = PartFile::open(path, &database(config).await?)?;
    if let Some(before) = before {
        let ctx = wired.ctx(Actor::CommandLine);
        if !wired.accounts.is_there(&ctx, before.last).await? {
            bail!(
                "{}.part ends with a user who is not in this database; take it away to begin anew",
                path.display()
            );
        }
        if !output.json {
            eprintln!(
                "Going on after {} users that an earlier export wrote; what changed of them since is not in the file.",
                before.users
            );
        }
    }
    let last = before.map(|before| before.last);
    let count = before.map_or(0, |before| before.users);
    let count = write_users(wired, part.writer(), last, count, output.watched()).await?;
    part.finish()?;
    let file = path.display().to_string();
    output.print(
        &format!("{count} users are in {file}. It holds their password hashes: keep it as you keep the database."),
        &json!({"users": count, "file": file}),
    )?;
    Ok(())
}

/// What tells a database from every other, also from one that its users were moved to: when its
/// schema was made.
async fn database(config: &Config) -> anyhow::Result<String> {
    let status = migration_status(&sql_settings(config)).await?;
    let first = status.first().and_then(|first| first.applied_at);
    let made_at = first.context("the database does not say when its schema was made")?;
    Ok(format!("a database made at {made_at}\n"))
}

/// Writes everybody after `last`; answers how many there are with those before.
async fn write_users(
    wired: &Wired,
    to: &mut impl Write,
    mut last: Option<UserId>,
    mut count: u64,
    watched: Watched,
) -> anyhow::Result<u64> {
    let ctx: Ctx = wired.ctx(Actor::CommandLine);
    let progress = Progress::of_users(count, watched);
    loop {
        let page = wired.accounts.export(&ctx, last, PAGE).await?;
        for exported in &page {
            doorward::write(to, exported)?;
        }
        // Whoever goes on later finds whole pages.
        to.flush()?;
        count += page.len() as u64;
        progress.users(count);
        match page.last() {
            Some(user) if page.len() == PAGE => last = Some(user.user.id),
            _ => break,
        }
    }
    progress.finish();
    Ok(count)
}
