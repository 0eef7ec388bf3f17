//! Sensitivity of the collection: a proxy in front of the server falsifies one thing (`mutation_proxy.py`), and each
//! must fail a run.

use std::io::BufRead;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use doorward_testkit::process::Process;
use doorward_testkit::servers::Doorward;
use doorward_testkit::tools::tool;

use super::collection::{Run, collection};
use super::output_text;

/// Concurrent runs: newman keeps one core busy.
const AT_ONCE: usize = 3;
/// The case that falsifies nothing.
const UNCHANGED: &str = "nothing";

fn proxy(arguments: &[&str]) -> Command {
    let script = "tests/clients/mutation_proxy.py";
    let mut command = tool("python");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script));
    command.args(arguments);
    command
}

/// A run with this falsification.
fn run(collection: &Path, server: &Doorward, mutation: &str) -> Run {
    let (_proxy, mut output) = Process::read(&proxy(&[server.url(), mutation]));
    let mut url = String::new();
    output.read_line(&mut url).unwrap();
    Run::to_the_first_failure(collection, url.trim())
}

#[test]
fn the_collection_detects_every_mutation() {
    let listed = proxy(&[]).output().unwrap();
    assert!(listed.status.success(), "{}", output_text(&listed));
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert_eq!(listed.lines().count(), 11, "{listed}");
    let collection = collection();
    let waiting = Mutex::new(listed.lines().filter(|mutation| *mutation != UNCHANGED));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                // A separate server: concurrent runs would count each other's admins.
                let server = Doorward::start(&[]);
                loop {
                    let Some(mutation) = waiting.lock().unwrap().next() else {
                        break;
                    };
                    let run = run(&collection, &server, mutation);
                    assert!(
                        !run.passed() && run.failed() > 0,
                        "the collection does not detect {mutation}"
                    );
                }
                // The failures were due to the falsifications: the server still passes.
                let run = run(&collection, &server, UNCHANGED);
                assert!(run.passed() && run.failed() == 0, "{}", run.printed());
            });
        }
    });
}
