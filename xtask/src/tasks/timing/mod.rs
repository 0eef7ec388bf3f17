//! `cargo xtask timing [SAMPLES] [BINARY]`: what response times reveal about accounts (A-02, T-EQUAL).
//!
//! It measures the real binary over loopback, on SQLite, without throttling, and again with throttled sign-ins:
//! for each route where the existence of an account matters, requests of each class in random order, by default
//! 10,000 of each. Each class is compared with the first one by the rank test of Mann and Whitney. The printed
//! effect is Cliff's delta: 0 if both are equal, 1 if one is always slower. A class passes if the effect could be
//! random with this number of samples (at one false alarm in a thousand complete runs).
//!
//! Other load on the machine reduces the sensitivity and causes no false alarm, since it affects all classes
//! equally. The deterministic half is `crates/domain/tests/it/constant_work.rs`; results are in
//! `docs/decisions/0021-one-answer-one-timing.md`. To add a route: an [`Experiment`] in `experiments`.

mod client;
mod experiments;
mod server;
mod statistics;

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::run::{cargo, run, target};
use client::Client;
use experiments::{Experiment, experiments, refusals};
use server::{Server, Throttles};
use statistics::{Comparison, median};

/// Samples of each class in a full run.
const SAMPLES: usize = 10_000;
/// Requests to warm up a connection and the caches.
const WARM_UP: usize = 20;

/// Measures, prints, and fails if a class can be distinguished from another.
pub(crate) fn timing(samples: Option<String>, binary: Option<String>) -> anyhow::Result<()> {
    let samples: usize = match samples {
        Some(text) => text.parse().context("SAMPLES is a number")?,
        None => SAMPLES,
    };
    let binary = match binary {
        Some(path) => PathBuf::from(path),
        None => {
            run(&mut cargo(&[
                "build",
                "--release",
                "--package",
                "doorward",
                "--locked",
            ]))?;
            target().join("release/doorward")
        }
    };
    let server = Server::start(&binary, Throttles::Off)?;
    let strict = Server::start(&binary, Throttles::Guesses)?;
    let of_server = experiments(&server)?.into_iter().map(|one| (one, &server));
    let of_strict = refusals(&strict)?.into_iter().map(|one| (one, &strict));
    let every: Vec<_> = of_server.chain(of_strict).collect();
    let comparisons: usize = every.iter().map(|(one, _)| one.classes.len() - 1).sum();
    println!("{samples} samples of each class, {comparisons} comparisons\n");
    let mut significant = 0;
    for (experiment, server) in &every {
        significant += measure(experiment, server, samples, comparisons)?;
    }
    if significant > 0 {
        bail!("{significant} classes differ in timing from the first class of their route");
    }
    println!("PASS: no class differs in timing");
    Ok(())
}

/// Number of classes that can be distinguished from the first.
fn measure(
    experiment: &Experiment,
    server: &Server,
    samples: usize,
    comparisons: usize,
) -> anyhow::Result<usize> {
    let times = sample(experiment, server, samples)?;
    println!("{}", experiment.name);
    let base = &times[0];
    println!(
        "  {:<34} median {:>9.1} µs",
        experiment.classes[0].name,
        median(base)
    );
    let mut significant = 0;
    for (class, times) in experiment.classes.iter().zip(&times).skip(1) {
        let found = Comparison::of(base, times, comparisons);
        let verdict = if found.is_significant() {
            "FAIL"
        } else {
            "PASS"
        };
        significant += usize::from(found.is_significant());
        println!(
            "  {:<34} median {:>9.1} µs  {:+8.1} µs  effect {:+.4} ({:+.4} to {:+.4}), detectable from {:.4}: {verdict}",
            class.name,
            median(times),
            median(times) - median(base),
            found.effect,
            found.low,
            found.high,
            found.limit,
        );
    }
    println!();
    Ok(significant)
}

/// Times of each class in nanoseconds, measured in random order.
fn sample(
    experiment: &Experiment,
    server: &Server,
    samples: usize,
) -> anyhow::Result<Vec<Vec<u64>>> {
    let mut client = Client::connect(server.port)?;
    let count = experiment.classes.len();
    let mut order = statistics::Shuffle::new(0x5eed);
    let mut times = vec![Vec::with_capacity(samples); count];
    for round in 0..samples + WARM_UP {
        let mut classes: Vec<usize> = (0..count).collect();
        order.shuffle(&mut classes);
        for class in classes {
            let time = experiment.classes[class].ask(&mut client, round)?;
            if round >= WARM_UP {
                times[class].push(time);
            }
        }
    }
    Ok(times)
}
