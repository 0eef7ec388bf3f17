//! The project's tasks: `cargo xtask test`, `cargo xtask verify`, `cargo xtask bench` and others.
//!
//! Has few dependencies, because it is built before anything else. `test`, `verify`, `bless` and `supply` are here with what
//! runs them. Any other task is a file in `tasks` and a line in `main`.

mod bless;
mod nextest;
mod run;
mod servers;
mod steps;
mod supply;
mod tasks;
mod test;
mod tools;
mod verify;

use std::process::ExitCode;

use crate::steps::run_steps;
use crate::tasks::{
    bench, book, common_passwords, coverage, flood, fuzz, fuzz_parsers, mutants, package, repeat,
    screenshots, timing, upgrade,
};

const USAGE: &str = "\
cargo xtask TASK

  test [CODE..]     install missing tools, then run every check that a change can fail: format, rules of the
                    repository, supply chain, clippy, rustdoc, the tests, the commands of the documentation;
                    or only the steps with these exit codes, which CONTRIBUTING.md lists
  verify [CODE..]   the slow, wide checks, every night and before a release: other programs' clients and
                    proxies, image, package, fuzzing, upgrade, advisories
  bless             write every generated file: pages of the documentation, openapi.json and the list of
                    approved crates
  book              build the documentation as a site, target/book/site
  coverage          measure the share of source lines that the tests run
  bench             build the release binary and measure it against a bare handler, a bare hash and plain inserts
  bench import [USERS]
                    measure only an import of this number of users, on each database
  bench aws [USERS]
                    print what a sign-in, a sign-up, a session check and an idle second cost on DynamoDB, with
                    one user and with this number of users
  upgrade           run the previous release and this one on one database
  fuzz [SEED]       fuzz the API with schemathesis as an anonymous client, a user and an admin, 200 examples of
                    each operation; pass the seed of an earlier run to repeat it
  fuzz parsers [TARGET..] [--seconds N]
                    fuzz every parser of untrusted input, or these, with libFuzzer for N seconds each
  flood [debug]     flood the release binary, or the debug binary, from many addresses
  repeat            run the race tests 100 times and the kill tests 200 times, on several stores
  timing [SAMPLES] [BINARY]
                    compare response times for accounts that exist and accounts that do not
  mutants [FILE]    remove the checks listed in xtask/mutants.txt one at a time; a domain test must fail
  supply            check dependencies against deny.toml and xtask/supply
  screenshots       take the pictures of the README (docs/images)
  sbom              print the software bill of materials
  package [BINARY] [--target TRIPLE]
                    build the release archive, for this machine or a target of rustc that runs on it
  reproduce [--target TRIPLE]
                    build the release twice, in two folders, and compare
  common-passwords  regenerate crates/domain/src/values/common-passwords.txt
  tools             install the tools that the tests need, and nothing else
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let outcome = match arguments.next().as_deref() {
        Some("test") => return run_steps(test::STEPS, arguments),
        Some("verify") => return run_steps(verify::STEPS, arguments),
        Some("coverage") => coverage::coverage(),
        Some("upgrade") => upgrade::upgrade(),
        Some("fuzz") => match arguments.next() {
            Some(what) if what == "parsers" => fuzz_parsers::fuzz_parsers(arguments),
            seed => fuzz::fuzz(seed),
        },
        Some("timing") => timing::timing(arguments.next(), arguments.next()),
        Some("bless") => bless::bless(),
        Some("book") => book::book(),
        Some("bench") => bench::bench(arguments),
        Some("flood") => flood::flood(arguments.next()),
        Some("repeat") => repeat::repeat(),
        Some("mutants") => mutants::mutants_of(arguments.next().as_deref()),
        Some("supply") => supply::supply(),
        Some("screenshots") => screenshots::screenshots(),
        Some("sbom") => package::print_bill(),
        Some("reproduce") => package::reproduce(arguments),
        Some("package") => package::package(arguments),
        Some("common-passwords") => common_passwords::make(),
        Some("tools") => tools::install(),
        Some("help" | "--help" | "-h") => {
            print!("{USAGE}");
            return ExitCode::SUCCESS;
        }
        _ => {
            eprint!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}
