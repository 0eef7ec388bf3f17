//! `cargo xtask fuzz parsers`: libFuzzer against every parser of input by clients and operators; and a shorter run
//! as a step of `cargo xtask verify`.
//!
//! The programs are `fuzz/fuzz_targets`, the checks are in each crate's `fuzzing` module, the seeds in
//! `fuzz/corpus`. They are built with the pinned toolchain: Doorward has no unsafe code, so a sanitizer, which
//! needs a nightly one, would find little. With a nightly toolchain, `cargo fuzz run` works too. A finding is
//! stored in the target folder and becomes a seed, and a test, before it is fixed.

use std::collections::VecDeque;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use crate::run::{cargo, root, run, target};

/// Coverage instrumentation of the programs and all their dependencies.
const INSTRUMENTED: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Cllvm-args=-simplifycfg-branch-fold-threshold=0";

/// Number of inputs for each parser in `cargo xtask verify`: a number instead of a time, so that every machine
/// runs the same inputs and a failure is due to the change.
const SHORT: u32 = 60_000;
/// Seconds for each parser by hand, by default.
const LONG: u32 = 60;
/// A parser that takes more memory than this, in MiB, or longer than this, in seconds, is a finding. It is
/// wall-clock time, and a machine may stall.
const MAX_MEMORY_MIB: u32 = 512;
const MAX_SECONDS: u32 = 30;
/// Time limit of a parser for all its inputs, in addition to the requested seconds: about twenty times that of the
/// slowest one here. A parser over the limit is named, before a CI job times out silently.
const MAX_TOTAL_TIME: Duration = Duration::from_secs(300);
/// Maximum length of an input: bodies end at 64 KiB, and what is hard is in the first kilobytes.
const MAX_INPUT_BYTES: u32 = 4096;

/// Programs to run, and the stop condition.
struct LibFuzzerRun {
    programs: PathBuf,
    until: Until,
}

/// Stop condition for a parser.
#[derive(Clone, Copy)]
enum Until {
    /// After this number of inputs, the same each time: starts with the seeds and a fixed random seed.
    Inputs(u32),
    /// After this number of seconds. Continues where the last run ended.
    Seconds(u32),
}

/// Command line: targets, and `--seconds N` for each.
pub(crate) fn fuzz_parsers(arguments: impl Iterator<Item = String>) -> anyhow::Result<()> {
    let (mut seconds, mut chosen) = (LONG, Vec::new());
    let mut arguments = arguments.peekable();
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--seconds" => {
                let text = arguments.next().context("--seconds takes a number")?;
                seconds = text.parse().context("--seconds takes a number")?;
            }
            _ => chosen.push(argument),
        }
    }
    let every = targets()?;
    if let Some(unknown) = chosen.iter().find(|name| !every.contains(name)) {
        bail!(
            "there is no target {unknown}; there are: {}",
            every.join(", ")
        );
    }
    let fuzzer_run = LibFuzzerRun {
        programs: build()?,
        until: Until::Seconds(seconds),
    };
    fuzzer_run.each(if chosen.is_empty() { every } else { chosen })
}

/// For `cargo xtask verify`.
pub(crate) fn every_parser_shortly() -> anyhow::Result<()> {
    let fuzzer_run = LibFuzzerRun {
        programs: build()?,
        until: Until::Inputs(SHORT),
    };
    fuzzer_run.each(targets()?)
}

fn targets() -> anyhow::Result<Vec<String>> {
    let mut names = Vec::new();
    for file in std::fs::read_dir(root().join("fuzz/fuzz_targets"))? {
        let path = file?.path();
        let name = path.file_stem().context("a file has a name")?;
        names.push(name.to_string_lossy().into_owned());
    }
    names.sort();
    Ok(names)
}

/// Uses a separate target folder, since instrumented crates differ from the others.
fn build() -> anyhow::Result<PathBuf> {
    let folder = target().join("fuzz");
    let host = host()?;
    let arguments = [
        "build",
        "--profile",
        "fuzz",
        "--package",
        "doorward-fuzz",
        "--locked",
        "--target",
        &host,
    ];
    run(cargo(&arguments)
        .env("CARGO_TARGET_DIR", &folder)
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .env("RUSTFLAGS", INSTRUMENTED))?;
    Ok(folder.join(host).join("fuzz"))
}

/// The host's triple. It is passed as the target, so that build scripts and macros, which run here, are not
/// instrumented.
fn host() -> anyhow::Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc)
        .args(["--print", "host-tuple"])
        .current_dir(root())
        .output()
        .context("cannot run rustc")?;
    ensure!(output.status.success(), "rustc did not print its host");
    Ok(String::from_utf8(output.stdout)?.trim().to_owned())
}

impl LibFuzzerRun {
    /// Runs as many at a time as there are cores. Runs all, and then reports every failure.
    fn each(&self, names: Vec<String>) -> anyhow::Result<()> {
        let count = names.len();
        let waiting = Mutex::new(VecDeque::from(names));
        let failed = Mutex::new(Vec::new());
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        std::thread::scope(|scope| {
            for _ in 0..cores {
                scope.spawn(|| {
                    while let Some(name) = locked(&waiting).pop_front() {
                        match self.one(&name) {
                            Ok(printed) => println!("-- {name}: {printed}"),
                            Err(error) => locked(&failed).push(format!("{name}: {error:#}")),
                        }
                    }
                });
            }
        });
        let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
        if !failed.is_empty() {
            bail!("there are findings\n{}", failed.join("\n"));
        }
        let enough = match self.until {
            Until::Inputs(count) => format!("{count} inputs"),
            Until::Seconds(seconds) => format!("{seconds} s"),
        };
        println!("{count} parsers passed {enough} each, starting with the seeds of fuzz/corpus");
        Ok(())
    }

    fn one(&self, name: &str) -> anyhow::Result<String> {
        let corpus = match self.until {
            Until::Inputs(_) => target().join("fuzz/fresh").join(name),
            Until::Seconds(_) => target().join("fuzz/corpus").join(name),
        };
        if matches!(self.until, Until::Inputs(_)) && corpus.exists() {
            std::fs::remove_dir_all(&corpus)?;
        }
        std::fs::create_dir_all(&corpus)?;
        put_seeds(&root().join("fuzz/corpus").join(name), &corpus)?;
        let findings = target().join("fuzz/findings");
        std::fs::create_dir_all(&findings)?;
        let log = findings.join(format!("{name}.log"));
        let mut command = Command::new(self.programs.join(name));
        command
            .arg(&corpus)
            .arg(format!("-rss_limit_mb={MAX_MEMORY_MIB}"))
            .arg(format!("-timeout={MAX_SECONDS}"))
            .arg(format!("-max_len={MAX_INPUT_BYTES}"))
            .arg(format!("-artifact_prefix={}/{name}-", findings.display()))
            .args(["-detect_leaks=0", "-print_final_stats=1"]);
        match self.until {
            Until::Inputs(count) => command.arg(format!("-runs={count}")).arg("-seed=1"),
            Until::Seconds(seconds) => command.arg(format!("-max_total_time={seconds}")),
        };
        let output = File::create(&log)?;
        let mut program = command
            .stdout(output.try_clone()?)
            .stderr(output)
            .current_dir(&findings)
            .spawn()
            .with_context(|| format!("cannot run {name}"))?;
        let asked_for = match self.until {
            Until::Inputs(_) => Duration::ZERO,
            Until::Seconds(seconds) => Duration::from_secs(seconds.into()),
        };
        let max = asked_for + MAX_TOTAL_TIME;
        if !ends_within(&mut program, max)? {
            let max = max.as_secs();
            bail!(
                "it did not finish within {max} s; the log is {}",
                log.display()
            );
        }
        let status = program.wait()?;
        let printed = String::from_utf8_lossy(&std::fs::read(&log)?).into_owned();
        if !status.success() {
            let last: Vec<_> = printed.lines().rev().take(30).collect();
            let last: Vec<_> = last.into_iter().rev().collect();
            bail!("the log is {}\n{}", log.display(), last.join("\n"));
        }
        let runs = printed
            .lines()
            .find_map(|line| line.strip_prefix("stat::number_of_executed_units:"))
            .context("the number of runs is missing in its output")?;
        let runs: u32 = runs
            .trim()
            .parse()
            .context("the number of runs is not a number")?;
        if let Until::Inputs(count) = self.until
            && runs < count
        {
            bail!("it ran {runs} inputs instead of {count}");
        }
        Ok(format!("{runs} inputs"))
    }
}

/// Returns `true` if the program ends in time. Kills it otherwise.
fn ends_within(program: &mut Child, bound: Duration) -> anyhow::Result<bool> {
    let began = Instant::now();
    loop {
        if program.try_wait()?.is_some() {
            return Ok(true);
        }
        if began.elapsed() >= bound {
            program.kill()?;
            program.wait()?;
            return Ok(false);
        }
        std::thread::park_timeout(Duration::from_millis(100));
    }
}

/// Copies the seeds in the format that the program reads: those of `NAME.hex` are binary.
fn put_seeds(from: &Path, to: &Path) -> anyhow::Result<()> {
    for file in std::fs::read_dir(from).with_context(|| format!("{} is missing", from.display()))? {
        let path = file?.path();
        let seed = std::fs::read(&path)?;
        let name = path.file_name().context("a file has a name")?;
        let is_hex = path.extension().is_some_and(|end| end == "hex");
        let seed = if is_hex { bytes_of(&seed) } else { seed };
        std::fs::write(to.join(name), seed)?;
    }
    Ok(())
}

fn bytes_of(hex: &[u8]) -> Vec<u8> {
    let digits: Vec<u32> = hex
        .iter()
        .filter_map(|digit| char::from(*digit).to_digit(16))
        .collect();
    digits
        .chunks_exact(2)
        .filter_map(|pair| u8::try_from(pair[0] << 4 | pair[1]).ok())
        .collect()
}

fn locked<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_past_its_time_limit_is_killed() {
        let begin = |program: &str| Command::new(program).arg("600").spawn().unwrap();
        let mut endless = begin("sleep");
        assert!(!ends_within(&mut endless, Duration::ZERO).unwrap());
        assert!(!endless.wait().unwrap().success());
        let mut short = begin("true");
        assert!(ends_within(&mut short, MAX_TOTAL_TIME).unwrap());
    }
}
