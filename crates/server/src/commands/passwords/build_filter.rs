//! `doorward passwords build-filter --from FILE|FOLDER|- --to FILE`
//!
//! Reads no configuration and asks no server: it may run on another machine, and the file be copied.

use std::time::{Duration, Instant};

use anyhow::Context;
use doorward_domain::passwords::BreachedList;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;

use crate::breached::{BUCKETS, Builder, Extent, Feed, Filter, Wanted, feed};
use crate::cli::BuildFilterArgs;
use crate::commands::Output;

/// How many passwords the new file is asked for.
const QUESTIONS: u32 = 2_000;

pub(super) fn run(args: &BuildFilterArgs, output: Output) -> anyhow::Result<()> {
    let mut builder = Builder::create(&args.to)?;
    let bar = progress(output);
    let wanted = Wanted {
        min_count: args.min_count,
        extent: match args.partial {
            true => Extent::Partial,
            false => Extent::Whole,
        },
    };
    let read = feed(&args.from, wanted, &mut builder, &|lines| {
        bar.set_position(lines);
    });
    bar.finish_and_clear();
    let read = read.with_context(|| format!("{} was not built", args.to.display()))?;
    let facts = builder.finish(args.min_count)?;
    let filter = Filter::open(&args.to)?;
    filter
        .check()
        .context("what was written is not what can be read: is the disk sound?")?;
    let look_up = look_up_time(&filter);
    let file = args.to.display();
    let mut text = format!(
        "{} breached passwords are in {file}, {} bytes; a look-up takes {} µs.\nSet `password.breached_filter` to it and start the server anew: it opens the file once. Passwords that people have stay as they are; new ones are looked up.",
        facts.count,
        facts.bytes(),
        look_up.as_micros().max(1),
    );
    if args.partial {
        text += &format!(
            "\nIt is of a partial list, as you said: {} of the 1,048,576 ranges of the public list have hashes in it.",
            read.ranges
        );
    }
    output.print(
        &text,
        &value(args, read, facts.count, facts.bytes(), look_up),
    )
}

fn value(
    args: &BuildFilterArgs,
    read: Feed,
    count: u64,
    bytes: u64,
    look_up: Duration,
) -> serde_json::Value {
    json!({
        "file": args.to.display().to_string(),
        "passwords": count,
        "bytes": bytes,
        "min_count": args.min_count,
        "lines": read.lines,
        "seldom": read.seldom,
        "ranges": read.ranges,
        "missing_ranges": BUCKETS - read.ranges,
        "look_up_nanoseconds": u64::try_from(look_up.as_nanos()).unwrap_or(u64::MAX),
    })
}

/// The mean time of a look-up, all over the file. For a figure alone, so the clock comes by no port.
fn look_up_time(filter: &Filter) -> Duration {
    let begun = Instant::now();
    for number in 0..QUESTIONS {
        std::hint::black_box(filter.holds(&format!("{number} times nobody's password")));
    }
    begun.elapsed() / QUESTIONS
}

fn progress(output: Output) -> ProgressBar {
    let bar = ProgressBar::with_draw_target(None, output.watched().target());
    let template = "{spinner} {human_pos} lines, {per_sec}, {elapsed}";
    let style = ProgressStyle::with_template(template).expect("the template is one of ours");
    bar.set_style(style);
    bar.enable_steady_tick(Duration::from_millis(200));
    bar
}
