//! The project's own tasks: `cargo xtask test`, `cargo xtask bench`, `cargo xtask common-passwords`.
//!
//! Small on purpose: it is built before anything else. A task is a file here and a line in `main`.

mod bench;
mod common_passwords;
mod flood;
mod fuzz;
mod mutants;
mod package;
mod parsers;
mod rounds;
mod run;
mod sbom;
mod supply;
mod test;
mod timing;
mod tools;
mod upgrade;

use std::process::ExitCode;

const USAGE: &str = "\
cargo xtask TASK

  test              install what is missing, then format, lint, test and document everything
  upgrade           build the previous release and let it serve beside this one
  fuzz [SEED]       build the server and let schemathesis loose on its API, for two minutes each as
                    nobody, a user and an admin; by the seed of an earlier run, to see it again
  fuzz parsers [TARGET..] [--seconds N]
                    let libFuzzer loose on every reader of outside bytes, or on these, each for N seconds
  timing [SAMPLES] [BINARY]
                    build the release binary, or take this one, and hold the times of its answers about
                    accounts that are there against those about accounts that are not
  bench             build the release binary and print the first figures
  rounds            run the races a hundred times over and the kills two hundred, on every store
  mutants [FILE]    take the rules' checks out one at a time, and expect a test of the domain to notice
  supply            hold what the binary is made of against deny.toml and xtask/supply
  reproduce         build the release twice, in two folders, and compare
  flood [debug]     flood the release binary, or the debug one, from many addresses and print the figures
  sbom              print the bill of materials that a release has beside it
  package [BINARY]  build the release binary, or take this one, and pack what people download
  common-passwords  make crates/domain/src/passwords/common-passwords.txt anew
  tools             only install what the tests need
";

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let outcome = match arguments.next().as_deref() {
        Some("test") => test::test(),
        Some("upgrade") => upgrade::upgrade(),
        Some("fuzz") => match arguments.next() {
            Some(what) if what == "parsers" => parsers::parsers(arguments),
            seed => fuzz::fuzz(seed),
        },
        Some("timing") => timing::timing(arguments.next(), arguments.next()),
        Some("bench") => bench::bench(),
        Some("flood") => flood::flood(arguments.next()),
        Some("rounds") => rounds::rounds(),
        Some("mutants") => mutants::mutants_of(arguments.next().as_deref()),
        Some("supply") => supply::supply(),
        Some("sbom") => package::print_bill(),
        Some("reproduce") => package::reproduce(),
        Some("package") => package::package(arguments.next()),
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
