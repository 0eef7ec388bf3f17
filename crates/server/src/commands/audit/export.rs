//! `doorward audit export [FILE]`
//!
//! The file can be checked with the public key alone (`audit verify --file`). All seals are in it; of
//! those that hold no event that was asked for, without their lists.

use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use anyhow::Context;
use doorward_domain::audit::checker::Extent;
use doorward_domain::audit::walk::SealedBatch;
use doorward_domain::ctx::{Actor, Ctx};
use doorward_domain::model::AuditRecord;
use doorward_domain::values::UserId;
use serde_json::json;

use super::super::Output;
use super::lines;
use crate::cli::ExportAudit;
use crate::columns;
use crate::wiring::Wired;

/// Which events are asked for.
struct Choice {
    since: Option<jiff::Timestamp>,
    until: Option<jiff::Timestamp>,
    user: Option<UserId>,
    event: Option<String>,
}

impl Choice {
    fn is_all(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.user.is_none() && self.event.is_none()
    }

    fn takes(&self, record: &AuditRecord) -> bool {
        self.since.is_none_or(|since| record.at >= since)
            && self.until.is_none_or(|until| record.at < until)
            && self
                .user
                .is_none_or(|user| [record.user_id, record.actor_id].contains(&Some(user)))
            && self
                .event
                .as_ref()
                .is_none_or(|event| record.event == *event)
    }
}

pub(super) async fn run(wired: &Wired, args: &ExportAudit, output: Output) -> anyhow::Result<()> {
    let ctx = wired.ctx(Actor::CommandLine);
    let user = match &args.user {
        Some(named) => Some(whom(wired, named).await?),
        None => None,
    };
    let choice = Choice {
        since: args.since,
        until: args.until,
        user,
        event: args.event.clone(),
    };
    let detail = if choice.is_all() { "all" } else { "a choice" };
    wired.accounts.note_audit_export(&ctx, detail).await?;
    // What no seal holds proves nothing to an auditor.
    wired.accounts.seal_rest_of_audit(&ctx).await?;
    if args.file == Path::new("-") {
        let mut stdout = BufWriter::new(std::io::stdout().lock());
        write(wired, &ctx, &choice, &mut stdout).await?;
        return Ok(stdout.flush()?);
    }
    let path = args.file.display().to_string();
    let file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&args.file)
        .with_context(|| format!("cannot make {path}"))?;
    let mut file = BufWriter::new(file);
    let count = write(wired, &ctx, &choice, &mut file).await?;
    file.into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?;
    let key = wired.accounts.audit_public_key();
    let told = columns::fitted(&format!(
        "{count} events are in {path}. There are addresses of people in it. Check it with"
    ));
    // To be copied, so on a line of its own, however long.
    output.print_as_it_is(
        &format!("{told}\ndoorward audit verify --file {path} --key {key}"),
        &json!({"events": count, "file": path}),
    )
}

/// Whoever is deleted is named by id.
async fn whom(wired: &Wired, named: &str) -> anyhow::Result<UserId> {
    if let Ok(id) = named.parse() {
        return Ok(id);
    }
    let found = wired.accounts.find_named(named).await;
    Ok(found
        .with_context(|| format!("there is no user {named}; one who was deleted is named by id"))?
        .id)
}

async fn write(
    wired: &Wired,
    ctx: &Ctx,
    choice: &Choice,
    to: &mut impl Write,
) -> anyhow::Result<u64> {
    let extent = match choice.is_all() {
        true => Extent::Whole,
        false => Extent::Chosen,
    };
    let head = wired.accounts.audit_export_head(ctx, extent).await?;
    let key = wired.accounts.audit_public_key();
    writeln!(to, "{}", lines::of_head(&head, &key))?;
    let (mut count, mut position) = (0, 0);
    while let Some(batch) = wired.accounts.read_seal(ctx, position).await? {
        position = batch.seal.position;
        count += write_batch(batch, choice, to)?;
    }
    let mut after = None;
    loop {
        let records = wired.accounts.read_unsealed(ctx, after).await?;
        let Some(last) = records.last() else {
            break;
        };
        after = Some(last.id);
        for record in records.iter().filter(|record| choice.takes(record)) {
            writeln!(to, "{}", lines::of_record(record))?;
            count += 1;
        }
    }
    Ok(count)
}

fn write_batch(batch: SealedBatch, choice: &Choice, to: &mut impl Write) -> anyhow::Result<u64> {
    let SealedBatch {
        mut seal,
        mut records,
        erasures,
    } = batch;
    records.retain(|record| choice.takes(record));
    if records.is_empty() && !choice.is_all() {
        seal.leaves = None;
    } else {
        for erasure in &erasures {
            writeln!(to, "{}", lines::of_erasure(erasure))?;
        }
    }
    writeln!(to, "{}", lines::of_seal(&seal))?;
    for record in &records {
        writeln!(to, "{}", lines::of_record(record))?;
    }
    Ok(u64::try_from(records.len())?)
}
