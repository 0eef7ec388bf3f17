//! `cargo xtask verify`: the slow, wide checks, every night and before a release.
//!
//! They test the program from outside: other programs' clients, proxies and linters, an image and a systemd unit, the
//! fuzzers, advisories, and an upgrade from the previous release.

use std::path::PathBuf;

use anyhow::Context;

use crate::nextest::{nextest, run_tests};
use crate::run::{cargo, run, target};
use crate::steps::{EndsRun, Step};
use crate::tasks::{book, fuzz, fuzz_parsers, upgrade};
use crate::test::install_tools;
use crate::{servers, supply};

/// Tests that use the binary as operators and other programs do, and take minutes: the collection twice on one server,
/// through a proxy that falsifies responses, with rate limits, without an inbox, with wrong expectations, and on AWS
/// Lambda; the TypeScript client and the React example in a browser; proxies, services, telemetry and its outages; image,
/// stacks and unit; commands, package and bill of materials. And every state of the pages; the contract of the SQL store
/// with another isolation, and on databases with unusual settings; and that of the store on `DynamoDB`, whose emulator is
/// slow.
pub(crate) const OUTSIDE: &str = "binary(clients) & test(/^mutation_proxy::|^in_a_browser::|^on_lambda::|^collection::.*(repeatedly|throttling|inbox|fails)/) \
    | binary(proxies) | binary(services) | binary(telemetry) & not test(/^documents::/) \
    | binary(deploy) & test(/^(aws_stack|image|stack|unit)::/) | binary(commands) | binary(supply) & test(/^sbom::/) \
    | binary(browser) & test(/^matrix::/) | package(doorward-store-sql) & test(/^contract::postgres_serializable::|^unusual_defaults::/) \
    | package(doorward-store-dynamo) & test(/^(contract|faults)::/)";

/// Nodes and faults on `MariaDB`, on `DynamoDB` or with Redis. The name of a test or its module contains its store.
pub(crate) const OTHER_NODES: &str =
    "(binary(nodes) | binary(faults)) & test(/mariadb|redis|dynamodb|^rate_limits::/)";

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
        run: || binary().map(drop).context(EndsRun),
    },
    Step {
        name: "tests of the binary, nodes, faults",
        code: 33,
        // In one step, since nodes and faults mostly wait, and the others compute.
        run: || outside(&format!("{OUTSIDE} | {OTHER_NODES}")),
    },
    Step {
        name: "API fuzzing",
        code: 35,
        run: fuzz::fuzz_shortly,
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
    Step {
        name: "documentation site",
        code: 38,
        run: book::book,
    },
];

/// Builds the optimised binary, of the profile `ci`, which is quicker to build than a release. It lacks the feature `aws`,
/// which would double the time. Returns its path.
pub(crate) fn binary() -> anyhow::Result<PathBuf> {
    run(&mut cargo(&["build", "--profile", "ci", "--locked"]))?;
    Ok(target().join("ci/doorward"))
}

/// Runs tests against that binary, with lent servers. (`nodes`, `faults`, `deploy` and the tests on AWS Lambda start the debug
/// binary.)
fn outside(filter: &str) -> anyhow::Result<()> {
    let mut command = nextest(filter);
    servers::lend(&mut command)?;
    run_tests(command.env("DOORWARD_TEST_BINARY", binary()?))
}
