//! Sensitivity of the collection: a proxy in front of the server falsifies one thing (`untruths.py`), and each
//! must fail a run.

use std::io::BufRead;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use doorward_testkit::process::Process;
use doorward_testkit::servers::Doorward;
use doorward_testkit::tools::tool;

use super::collection::{Run, collection};
use super::said;

/// Concurrent runs: newman keeps one core busy.
const AT_ONCE: usize = 3;
/// The case that falsifies nothing.
const TRUTH: &str = "nothing";

fn between(arguments: &[&str]) -> Command {
    let script = "tests/clients/untruths.py";
    let mut command = tool("python");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script));
    command.args(arguments);
    command
}

/// A run with this falsification.
fn run(collection: &Path, server: &Doorward, untruth: &str) -> Run {
    let (_between, mut says) = Process::read(&between(&[server.url(), untruth]));
    let mut url = String::new();
    says.read_line(&mut url).unwrap();
    Run::to_the_first_fault(collection, url.trim())
}

#[test]
fn every_untruth_is_noticed() {
    let listed = between(&[]).output().unwrap();
    assert!(listed.status.success(), "{}", said(&listed));
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(listed.lines().count() > 45, "{listed}");
    let collection = collection();
    let waiting = Mutex::new(listed.lines().filter(|untruth| *untruth != TRUTH));
    std::thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                // A separate server: concurrent runs would count each other's admins.
                let server = Doorward::start(&[]);
                loop {
                    let Some(untruth) = waiting.lock().unwrap().next() else {
                        break;
                    };
                    let run = run(&collection, &server, untruth);
                    assert!(
                        !run.passed() && run.failed() > 0,
                        "{untruth} is not noticed"
                    );
                }
                // The failures were due to the falsifications: the server still passes.
                let run = run(&collection, &server, TRUTH);
                assert!(run.passed() && run.failed() == 0, "{}", run.printed());
            });
        }
    });
}
