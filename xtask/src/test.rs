//! `cargo xtask test`: what a contributor runs many times a day.
//!
//! Every check that a change is likely to fail and that needs nothing but the debug build. The first minute is for what
//! is cheap and often forgotten; then come clippy, rustdoc, and the tests on real servers. Slow and wide checks belong
//! in `verify.rs`.

use anyhow::Context;

use crate::nextest::{PACKAGES, nextest, run_tests};
use crate::run::{cargo, root, run};
use crate::steps::{EndsRun, Step};
use crate::{servers, supply, tools, verify};

/// Targets whose tests read only the repository.
const REPOSITORY: [&str; 10] = [
    "--bin", "xtask", "--test", "house", "--test", "security", "--test", "supply", "--test", "docs",
];

/// The tests of the first steps, but for [`PAGES`].
const REPOSITORY_TESTS: &str = "binary(xtask) | binary(house) | binary(security) | binary(supply)";

/// Tests of the pages that do not need the binary.
const PAGES: &str =
    "binary(docs) & test(/^(links|hidden_setup)::|every_variable_is_read_by_a_program/)";

/// Modules of the API tests that run once, with SQLite: those that open the stores themselves, the end-to-end tests
/// (`nodes` and `faults` run the binary on the other stores), and those of what no store decides: pages, headers,
/// bodies, cookies, the documents.
const STORE_INDEPENDENT: [&str; 21] = [
    "e2e",
    "store_matrix",
    "access_table",
    "auth::audience_token",
    "auth::cookie",
    "auth::credentials",
    "auth::return_to",
    "body",
    "cors",
    "cross_site",
    "dynamodb_budget",
    "headers",
    "inbox",
    "late_index",
    "openapi",
    "operations",
    "pages",
    "plain_http",
    "proxy_paths",
    "rate_limits::forwarding_headers_are_used_from_trusted_proxies_only",
    "second_factor_walk",
];

/// Modules of the API tests that also run on `DynamoDB`: what an account needs from sign-up to deletion.
const MAIN: [&str; 7] = [
    "auth::sign_in",
    "confirmation",
    "email_undo",
    "password",
    "recovery",
    "sessions",
    "users::deletion",
];

/// What is cheap and often forgotten comes first. `CONTRIBUTING.md` lists the exit codes.
pub(crate) const STEPS: &[Step] = &[
    Step {
        name: "tools",
        code: 10,
        run: install_tools,
    },
    Step {
        name: "format",
        code: 11,
        run: || run(&mut cargo(&["fmt", "--all", "--check"])),
    },
    Step {
        name: "house rules",
        code: 12,
        run: || repository("binary(xtask) | binary(house)"),
    },
    Step {
        name: "security page",
        code: 13,
        run: || repository("binary(security)"),
    },
    Step {
        name: "workflows, pins",
        code: 14,
        run: || repository(&format!("binary(supply) - ({})", verify::OUTSIDE)),
    },
    Step {
        name: "links, variables",
        code: 15,
        run: || repository(PAGES),
    },
    Step {
        name: "supply chain",
        code: 16,
        run: supply::check,
    },
    Step {
        name: "clippy",
        code: 17,
        run: clippy,
    },
    Step {
        name: "rustdoc",
        code: 18,
        run: rustdoc,
    },
    Step {
        name: "build",
        code: 19,
        run: build,
    },
    Step {
        name: "tests, API on SQLite",
        code: 20,
        run: || {
            // In one step, since some tests mostly wait, and others compute.
            let elsewhere = [
                REPOSITORY_TESTS,
                PAGES,
                verify::OTHER_NODES,
                verify::OUTSIDE,
            ];
            with_servers("sqlite", &format!("not ({})", elsewhere.join(" | ")))
        },
    },
    Step {
        name: "API on MariaDB",
        code: 21,
        run: || api_on("mariadb"),
    },
    Step {
        name: "API on PostgreSQL with Redis",
        code: 22,
        run: || api_on("postgres+redis"),
    },
    Step {
        name: "main API tests on DynamoDB",
        code: 25,
        run: main_on_dynamodb,
    },
];

/// Installs the tools of all steps.
pub(crate) fn install_tools() -> anyhow::Result<()> {
    tools::install().context(EndsRun)
}

/// Runs tests that read only the repository. A second try would read the same.
fn repository(filter: &str) -> anyhow::Result<()> {
    let mut command = nextest(filter);
    run_tests(command.args(REPOSITORY).args(["--retries", "0"]))
}

fn clippy() -> anyhow::Result<()> {
    run(&mut cargo(&[
        "clippy",
        "--workspace",
        "--features",
        "doorward/aws",
        "--all-targets",
        "--locked",
        "--",
        "-D",
        "warnings",
    ]))
}

/// Checks the documentation, without writing pages.
fn rustdoc() -> anyhow::Result<()> {
    run(cargo(&[
        "doc",
        "--workspace",
        "--features",
        "doorward/aws",
        "--no-deps",
        "--locked",
        "--document-private-items",
    ])
    .env("RUSTDOC", root().join("xtask/rustdoc-check"))
    .env("RUSTDOCFLAGS", "-D warnings"))
}

/// Builds the binary and all tests, once for all steps.
pub(crate) fn build() -> anyhow::Result<()> {
    run(cargo(&["test", "--locked", "--no-run"]).args(PACKAGES)).context(EndsRun)
}

/// The API tests on a store other than SQLite.
fn api_on(store: &str) -> anyhow::Result<()> {
    let once = STORE_INDEPENDENT.join("|");
    let filter = format!("binary_id(doorward::it) - test(/^({once})(::|$)/)");
    with_servers(store, &filter)
}

/// The API tests of accounts and sessions on the emulator of `DynamoDB`, which is slower than a database.
fn main_on_dynamodb() -> anyhow::Result<()> {
    let main = MAIN.join("|");
    let filter = format!("binary_id(doorward::it) & test(/^({main})::/)");
    with_servers("dynamodb", &filter)
}

/// Runs tests with lent servers, and those of the API on this store.
fn with_servers(store: &str, filter: &str) -> anyhow::Result<()> {
    let mut command = nextest(filter);
    servers::lend(&mut command)?;
    run_tests(command.env("DOORWARD_TEST_STORE", store))
}
