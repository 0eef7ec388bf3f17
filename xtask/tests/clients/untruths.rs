//! What the collection notices: between it and the server stands somebody who tells one untruth
//! (`untruths.py`), and each has to fail a run.

use std::io::BufRead;
use std::path::Path;
use std::process::Command;
use std::sync::Mutex;

use doorward_testkit::process::Process;
use doorward_testkit::servers::Doorward;
use doorward_testkit::tools::tool;

use super::collection::{Run, collection};
use super::said;

/// How many at a time: newman keeps one core busy.
const AT_ONCE: usize = 3;
/// Among the untruths, the one that is none.
const TRUTH: &str = "nothing";

fn between(arguments: &[&str]) -> Command {
    let script = "tests/clients/untruths.py";
    let mut command = tool("python");
    command.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join(script));
    command.args(arguments);
    command
}

/// A run with that untruth between.
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
                // Of its own: runs beside one another would count each other's admins.
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
                // It was the untruths: the server is still as it should be.
                let run = run(&collection, &server, TRUTH);
                assert!(run.passed() && run.failed() == 0, "{}", run.printed());
            });
        }
    });
}
