//! `doorward passwords`: builds the breached-password filter.
//!
//! `build-filter` reads no configuration and contacts no server. It may run on another machine.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, Subcommand};
use doorward_domain::values::BreachedList;
use serde_json::json;

use crate::breached::{Builder, Coverage, Filter, RANGES, read_list};
use crate::cli::output::Output;
use crate::cli::progress::ProgressReporter;

/// Where the list comes from, and the size of the filter.
const EXAMPLES: &str = "Examples:
  doorward passwords build-filter --from pwnedpasswords.txt --to breached.bin
  doorward passwords build-filter --from hashes/ --to seen.bin --min-count 10
  zcat list.gz | doorward passwords build-filter --from - --to breached.bin

haveibeenpwned-downloader downloads the list as one file, or (-s false) as a
folder of ranges. A complete list has hashes in each of its 1,048,576 ranges;
an incomplete one is rejected unless you pass --allow-partial.

The filter takes eight bytes for each password. Set `password.breached_filter`
to its path; the server then rejects new passwords that are in it.";

#[derive(Debug, Subcommand)]
#[command(after_help = EXAMPLES)]
pub enum PasswordsCommand {
    /// Build the filter from the Pwned Passwords list
    #[command(after_help = EXAMPLES)]
    BuildFilter(BuildFilterArgs),
}

#[derive(Debug, Args)]
pub struct BuildFilterArgs {
    /// Pwned Passwords list with SHA-1 hashes, sorted by hash: a file, a folder of ranges, or -
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
    /// Filter to write; an existing filter is replaced once the new one is complete
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Minimum number of occurrences
    #[arg(long, value_name = "N", default_value_t = 1)]
    pub min_count: u64,
    /// Accept an incomplete list
    #[arg(long)]
    pub allow_partial: bool,
}

/// Number of lookups that are timed.
const LOOKUPS: u32 = 2_000;

pub(super) fn run(command: &PasswordsCommand, output: Output) -> anyhow::Result<()> {
    match command {
        PasswordsCommand::BuildFilter(args) => build_filter(args, output),
    }
}

fn build_filter(args: &BuildFilterArgs, output: Output) -> anyhow::Result<()> {
    let mut builder = Builder::create(&args.to)?;
    let reporter = ProgressReporter::counting("lines", output);
    let coverage = match args.allow_partial {
        true => Coverage::Partial,
        false => Coverage::Complete,
    };
    let progress = |lines| reporter.count(lines);
    let read = read_list(
        &args.from,
        coverage,
        args.min_count,
        &mut builder,
        &progress,
    );
    drop(reporter);
    let file = args.to.display();
    let read = read.with_context(|| format!("{file} was not built"))?;
    let header = builder.finish(args.min_count)?;
    let lookup = lookup_time(&Filter::open(&args.to)?);
    let mut text = format!(
        "{file} contains {} breached passwords in {} bytes. A lookup takes {} µs.\nSet `password.breached_filter` to it and restart the server. New passwords are checked; existing ones stay valid.",
        header.count,
        header.bytes(),
        lookup.as_micros().max(1),
    );
    if args.allow_partial {
        text += &format!(
            "\nThe list is incomplete: {} of 1,048,576 ranges have hashes.",
            read.ranges
        );
    }
    let value = json!({
        "file": file.to_string(),
        "passwords": header.count,
        "bytes": header.bytes(),
        "min_count": args.min_count,
        "lines": read.lines,
        "below_min_count": read.below_min_count,
        "ranges": read.ranges,
        "missing_ranges": RANGES - read.ranges,
        "lookup_nanoseconds": u64::try_from(lookup.as_nanos()).unwrap_or(u64::MAX),
    });
    output.print(&text, &value)
}

/// Mean time of a lookup. It is only printed, so the clock is not a parameter.
fn lookup_time(filter: &Filter) -> Duration {
    let started = Instant::now();
    for number in 0..LOOKUPS {
        std::hint::black_box(filter.contains_password(&format!("lookup {number}")));
    }
    started.elapsed() / LOOKUPS
}
