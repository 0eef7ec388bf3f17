//! `doorward audit export [FILE]`
//!
//! `audit verify --file` verifies a file of the whole log with the public key alone. A filtered file is for reading. The
//! format: [`super::lines`].

use std::io::{BufWriter, Write};
use std::path::Path;

use anyhow::Context;
use doorward_domain::audit::Segment;
use doorward_domain::ctx::{Actor, Ctx};
use doorward_domain::model::{AuditRecord, SealedEvent, actor_id};
use doorward_domain::values::UserId;
use serde_json::json;

use super::args::ExportAuditArgs;
use super::lines::AuditLine;
use crate::cli::output::Output;
use crate::cli::progress::ProgressReporter;
use crate::cli::text_wrap;
use crate::data_dir::private_file;
use crate::wiring::Components;

/// The events to export.
struct EventFilter {
    since: Option<jiff::Timestamp>,
    until: Option<jiff::Timestamp>,
    user: Option<UserId>,
    event: Option<String>,
}

impl EventFilter {
    fn is_all(&self) -> bool {
        self.since.is_none() && self.until.is_none() && self.user.is_none() && self.event.is_none()
    }

    fn takes(&self, record: &AuditRecord) -> bool {
        self.since.is_none_or(|since| record.at >= since)
            && self.until.is_none_or(|until| record.at < until)
            && self
                .user
                .is_none_or(|user| [record.user_id, actor_id(&record.actor)].contains(&Some(user)))
            && self
                .event
                .as_ref()
                .is_none_or(|event| record.event == *event)
    }
}

pub(super) async fn run(
    components: &Components,
    args: &ExportAuditArgs,
    output: Output,
) -> anyhow::Result<()> {
    let ctx = components.ctx(Actor::CommandLine);
    let user = match &args.user {
        Some(named) => Some(find_user_id(components, named).await?),
        None => None,
    };
    let filter = EventFilter {
        since: args.since,
        until: args.until,
        user,
        event: args.event.clone(),
    };
    let detail = if filter.is_all() { "all" } else { "filtered" };
    components
        .doorward
        .audit_chain
        .record_export(&ctx, detail)
        .await?;
    // Only sealed events are exported.
    components.doorward.audit_chain.seal_all(&ctx).await?;
    if args.file == Path::new("-") {
        let mut stdout = BufWriter::new(std::io::stdout().lock());
        write(components, &ctx, &filter, &mut stdout, output).await?;
        return Ok(stdout.flush()?);
    }
    let path = args.file.display().to_string();
    let file = private_file::create_new(&args.file);
    let file = file.with_context(|| format!("cannot create {path}"))?;
    let mut file = BufWriter::new(file);
    let count = write(components, &ctx, &filter, &mut file, output).await?;
    file.into_inner()
        .map_err(std::io::IntoInnerError::into_error)?
        .sync_all()?;
    let text = format!("Exported {count} events to {path}. The file contains IP addresses.");
    let text = if filter.is_all() {
        let key = components.doorward.audit_chain.public_key();
        let text = text_wrap::wrap_text(&format!("{text} Verify it with"));
        // One unbroken line, to be copied.
        format!("{text}\ndoorward audit verify --file {path} --key {key}")
    } else {
        let text = format!("{text} It is filtered, so it cannot be verified.");
        text_wrap::wrap_text(&text)
    };
    output.print_unwrapped(&text, &json!({"events": count, "file": path}))
}

/// A deleted user is found by id.
async fn find_user_id(components: &Components, identifier: &str) -> anyhow::Result<UserId> {
    if let Ok(id) = identifier.parse() {
        return Ok(id);
    }
    let found = components.doorward.operator.find_by_name(identifier).await;
    Ok(found
        .with_context(|| format!("there is no user {identifier}. Pass the id of a deleted user"))?
        .id)
}

async fn write(
    components: &Components,
    ctx: &Ctx,
    filter: &EventFilter,
    to: &mut impl Write,
    output: Output,
) -> anyhow::Result<u64> {
    let progress = ProgressReporter::counting("events", output);
    let header = components
        .doorward
        .audit_chain
        .export_header(ctx, filter.is_all());
    let header = header.await?;
    let key = components.doorward.audit_chain.public_key();
    write_line(to, &AuditLine::header(&header, &key))?;
    let end = header.end.map_or(0, |end| end.position);
    let (mut count, mut position) = (0, 0);
    while position < end {
        let Some(segment) = components
            .doorward
            .audit_chain
            .read_segment(ctx, position)
            .await?
        else {
            break;
        };
        position = segment.checkpoint.position;
        count += write_segment(&segment, filter, to)?;
        progress.count(count);
    }
    Ok(count)
}

fn write_segment(
    segment: &Segment,
    filter: &EventFilter,
    to: &mut impl Write,
) -> anyhow::Result<u64> {
    let mut count = 0;
    let selected = |event: &&SealedEvent| filter.takes(&event.record);
    for event in segment.events.iter().filter(selected) {
        count += 1;
        write_line(to, &AuditLine::event(event))?;
    }
    if filter.is_all() {
        write_line(to, &AuditLine::checkpoint(&segment.checkpoint))?;
    }
    Ok(count)
}

fn write_line(to: &mut impl Write, line: &AuditLine) -> anyhow::Result<()> {
    serde_json::to_writer(&mut *to, line)?;
    Ok(to.write_all(b"\n")?)
}
