//! `cargo xtask rounds`: the races and the kills of T-RACE and T-POWER, as often over as they are asked for
//! there. Each run of the tests has fewer: this takes an hour at least, and several on a slow machine.

use crate::run::{cargo, run, target};
use crate::tools;

/// The package's tests in a binary of theirs, a store, which of them, and how often over.
const HUNTS: [(&str, &str, &str, &str); 8] = [
    ("it", "sqlite", "races::", "100"),
    ("it", "postgres", "races::", "100"),
    ("it", "mariadb", "races::", "100"),
    ("it", "postgres+redis", "races::", "100"),
    ("nodes", "sqlite", "races::", "100"),
    ("it", "sqlite", "e2e::crash::", "200"),
    ("it", "postgres", "e2e::crash::", "200"),
    ("nodes", "sqlite", "kills::", "200"),
];

/// Tries all of them, and then tells the first failure.
pub(crate) fn rounds() -> anyhow::Result<()> {
    let mut outcomes = Vec::new();
    for (binary, store, tests, rounds) in HUNTS {
        let mut command = cargo(&["test", "--locked", "--package", "doorward", "--test"]);
        command
            .args([binary, tests])
            .env("DOORWARD_TEST_STORE", store)
            .env("DOORWARD_TEST_ROUNDS", rounds)
            .env("DOORWARD_TEST_BINARY", target().join("release/doorward"))
            .env("DOORWARD_TEST_PYTHON", tools::python());
        println!("== {tests} of {binary} on {store}, {rounds} times over");
        outcomes.push(run(&mut command));
    }
    outcomes.into_iter().collect()
}
