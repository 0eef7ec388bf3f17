//! `cargo xtask verify`: the slow, wide checks, every night and before a release.
//!
//! They test an optimised binary from outside: other programs' clients, proxies and linters, an image and a systemd
//! unit, the fuzzers, advisories, and an upgrade from the previous release.

use std::path::PathBuf;

use anyhow::Context;

use crate::nextest::{nextest, run_tests};
use crate::run::{cargo, run, target};
use crate::steps::{EndsRun, Step};
use crate::test::install_tools;
use crate::{fuzz, fuzz_parsers, servers, supply, upgrade};

/// Tests of the clients that take minutes: the collection through a proxy that falsifies responses, with throttling,
/// without an inbox, and with wrong expectations. `cargo xtask test` runs the others.
pub(crate) const WIDE: &str =
    "binary(clients) & test(/^mutation_proxy::|^collection::.*(throttling|inbox|fails)/)";
/// Tests of the deployment files that run something.
pub(crate) const DEPLOYED: &str = "binary(deploy) & test(/^(image|stack|unit)::/)";
/// Nodes and faults on `MariaDB` or with Redis. The name of a test or its module contains its store.
pub(crate) const OTHER_NODES: &str =
    "(binary(nodes) | binary(faults)) & test(/mariadb|redis|^rate_limits::/)";
/// Tests of the bill of materials.
pub(crate) const BILL: &str = "binary(supply) & test(/^sbom::/)";
/// Tests of the page, the alerts and the dashboard, which `cargo xtask test` runs.
pub(crate) const DOCUMENTS: &str = "binary(telemetry) & test(/^documents::/)";

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
        name: "build",
        code: 32,
        run: || run(&mut cargo(&["build", "--profile", "ci", "--locked"])).context(EndsRun),
    },
    Step {
        name: "collection in other ways",
        code: 33,
        run: || outside(WIDE),
    },
    Step {
        name: "proxies",
        code: 34,
        run: || outside("binary(proxies)"),
    },
    Step {
        name: "example services",
        code: 35,
        run: || outside("binary(services)"),
    },
    Step {
        name: "telemetry",
        code: 36,
        run: || outside(&format!("binary(telemetry) - ({DOCUMENTS})")),
    },
    Step {
        name: "image, compose files, systemd unit",
        code: 37,
        run: || outside(DEPLOYED),
    },
    Step {
        name: "commands, package, SBOM",
        code: 38,
        run: || outside(&format!("binary(commands) | {BILL}")),
    },
    Step {
        name: "nodes and faults, other stores",
        code: 39,
        run: || outside(OTHER_NODES),
    },
    Step {
        name: "API fuzzing",
        code: 40,
        run: fuzz::fuzz_shortly,
    },
    Step {
        name: "parser fuzzing",
        code: 41,
        run: fuzz_parsers::every_parser_shortly,
    },
    Step {
        name: "upgrade",
        code: 42,
        run: upgrade::upgrade,
    },
];

/// Path of the optimised binary: of the profile `ci`, which is quicker to build than a release.
pub(crate) fn binary() -> PathBuf {
    target().join("ci/doorward")
}

/// Runs tests against that binary, with lent servers. (`nodes` and `faults` start the debug binary.)
fn outside(filter: &str) -> anyhow::Result<()> {
    let mut command = nextest(filter);
    servers::lend(&mut command)?;
    run_tests(command.env("DOORWARD_TEST_BINARY", binary()))
}
