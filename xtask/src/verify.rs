//! `cargo xtask verify`: the slow, wide checks, every night and before a release.
//!
//! They test the release binary from outside: other programs' clients, proxies and linters, the commands of every
//! documentation page, the fuzzers, advisories, and an upgrade from the previous release.

use anyhow::Context;

use crate::run::{cargo, run};
use crate::steps::{EndsRun, Step};
use crate::test::{install_tools, release_binary, set_test_environment};
use crate::test_output::run_tests;
use crate::{fuzz, fuzz_parsers, supply, upgrade};

/// Test binaries of `xtask/tests` that run here. Those that read only the sources run in `cargo xtask test`.
const OUTSIDE: [&str; 7] = [
    "clients",
    "commands",
    "deploy",
    "docs",
    "proxies",
    "services",
    "telemetry",
];

/// `CONTRIBUTING.md` lists the exit codes.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "tools",
        code: 30,
        run: install_tools,
    },
    Step {
        name: "advisories",
        code: 31,
        run: supply::advisories,
    },
    Step {
        name: "release build",
        code: 32,
        run: || run(&mut cargo(&["build", "--release", "--locked"])).context(EndsRun),
    },
    Step {
        name: "clients, proxies, documentation",
        code: 33,
        run: outside,
    },
    Step {
        name: "seeds of the parser fuzzers",
        code: 34,
        run: || {
            run_tests(&mut cargo(&[
                "test",
                "--locked",
                "--package",
                "doorward-fuzz",
            ]))
        },
    },
    Step {
        name: "API fuzzing",
        code: 35,
        run: fuzz::fuzz_release,
    },
    Step {
        name: "parser fuzzing",
        code: 36,
        run: fuzz_parsers::every_parser_shortly,
    },
    Step {
        name: "upgrade",
        code: 37,
        run: upgrade::upgrade,
    },
];

fn outside() -> anyhow::Result<()> {
    let mut command = cargo(&["test", "--locked", "--no-fail-fast"]);
    set_test_environment(&mut command);
    command
        .env("DOORWARD_TEST_BINARY", release_binary())
        .args(["--package", "xtask", "--package", "doorward-example"])
        .args(["--bins"])
        .args(OUTSIDE.iter().flat_map(|name| ["--test", name]));
    run_tests(&mut command)
}
