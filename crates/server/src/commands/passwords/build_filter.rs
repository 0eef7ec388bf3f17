//! `doorward passwords build-filter --from FILE|FOLDER|- --to FILE`
//!
//! Reads no configuration and contacts no server: it may run on another machine.

use std::time::{Duration, Instant};

use anyhow::Context;
use doorward_domain::passwords::BreachedList;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::breached::{Builder, Coverage, Filter, RANGES, feed};
use crate::cli::BuildFilterArgs;
use crate::commands::Output;

/// Number of lookups that are timed.
const LOOKUPS: u32 = 2_000;

pub(super) fn run(args: &BuildFilterArgs, output: Output) -> anyhow::Result<()> {
    let mut builder = Builder::create(&args.to)?;
    let bar = progress_bar(output);
    let coverage = match args.allow_partial {
        true => Coverage::Partial,
        false => Coverage::Complete,
    };
    let progress = |lines| bar.set_position(lines);
    let read = feed(
        &args.from,
        coverage,
        args.min_count,
        &mut builder,
        &progress,
    );
    bar.finish_and_clear();
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
        std::hint::black_box(filter.holds(&format!("lookup {number}")));
    }
    started.elapsed() / LOOKUPS
}

fn progress_bar(output: Output) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, output.progress_mode().target());
    let template = "{spinner} {human_pos} lines, {per_sec}, {elapsed}";
    let style = ProgressStyle::with_template(template).expect("the template is valid");
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
