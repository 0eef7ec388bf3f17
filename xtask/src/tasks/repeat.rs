//! `cargo xtask repeat`: the races and kills of T-RACE and T-POWER as often as those requirements ask. The
//! test command repeats them fewer times, since this takes an hour or more.

use crate::nextest::{nextest, run_tests};
use crate::{servers, tools};

/// Test binary, store, test filter, and number of repetitions. The tests of `nodes` have the names of their stores.
const RUNS: [(&str, Option<&str>, &str, &str); 8] = [
    ("it", Some("sqlite"), "races::", "100"),
    ("it", Some("postgres"), "races::", "100"),
    ("it", Some("mariadb"), "races::", "100"),
    ("it", Some("postgres+redis"), "races::", "100"),
    ("nodes", None, "races::", "100"),
    ("it", Some("sqlite"), "e2e::crash::", "200"),
    ("it", Some("postgres"), "e2e::crash::", "200"),
    ("nodes", None, "kills::", "200"),
];

/// Runs all of them, then reports the first failure.
pub(crate) fn repeat() -> anyhow::Result<()> {
    tools::install()?;
    let mut outcomes = Vec::new();
    for (binary, store, tests, repetitions) in RUNS {
        let filter = format!("binary_id(doorward::{binary}) & test(/^{tests}/)");
        let mut command = nextest(&filter);
        servers::lend(&mut command)?;
        // One test repeats all, so it has no time limit.
        command
            .args(["--profile", "repeat"])
            .env("DOORWARD_TEST_REPEAT", repetitions);
        if let Some(store) = store {
            command.env("DOORWARD_TEST_STORE", store);
        }
        let stores = store.unwrap_or("all of its stores");
        println!("== {tests} of {binary} on {stores}, {repetitions} times");
        outcomes.push(run_tests(&mut command));
    }
    servers::end();
    outcomes.into_iter().collect()
}
