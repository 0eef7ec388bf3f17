//! Test suites of other projects, run like their authors would.

use std::process::Command;

use doorward_testkit::servers::doorward_binary;
use doorward_testkit::tools::tool;

use crate::{outcome, stdout_of};

fn pytest() -> Command {
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/pytest");
    let mut pytest = tool("pytest");
    pytest
        .args(["-p", "no:cacheprovider", "--color=no"])
        .current_dir(example)
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .env("DOORWARD", doorward_binary())
        // The project under test has its own settings, which Doorward must ignore.
        .env("DATABASE_URL", "postgres://nobody@127.0.0.1:1/theirs");
    pytest
}

#[test]
fn the_suite_of_the_example_passes() {
    let reported = stdout_of(&mut pytest());
    assert!(counted(&reported, "passed") > 3, "{reported}");
}

/// The suite can fail: it detects an application that accepts every client.
#[test]
fn the_suite_of_the_example_detects_defects() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/pytest");
    for file in ["conftest.py", "test_notes.py"] {
        std::fs::copy(format!("{example}/{file}"), folder.join(file)).unwrap();
    }
    let app = std::fs::read_to_string(format!("{example}/notes.py")).unwrap();
    let open = app.replace("            return None", "            return \"anybody\"");
    assert_ne!(app, open);
    std::fs::write(folder.join("notes.py"), open).unwrap();
    let reported = outcome(pytest().current_dir(folder));
    assert_eq!(reported.status.code(), Some(1));
    let reported = String::from_utf8_lossy(&reported.stdout).into_owned();
    let (failed, passed) = (counted(&reported, "failed"), counted(&reported, "passed"));
    assert!(failed > 0 && passed > 0, "{reported}");
}

/// Number of tests with this outcome, as pytest prints it.
fn counted(reported: &str, what: &str) -> usize {
    let last = reported.lines().last().unwrap_or_default();
    let words: Vec<_> = last.split([' ', ',']).collect();
    let place = words.iter().position(|word| *word == what);
    let count = place.and_then(|place| words[place.checked_sub(1)?].parse().ok());
    count.unwrap_or(0)
}

/// The two lines for Node.js in `docs/integrate/testing.md`.
#[test]
fn node_starts_a_server_as_documented() {
    let page = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/integrate/testing.md");
    let page = std::fs::read_to_string(page).unwrap();
    let (_, lines) = page.split_once("```js\n").unwrap();
    let (lines, _) = lines.split_once("```").unwrap();
    let script = format!(
        "import {{ once }} from 'node:events';
import {{ spawn }} from 'node:child_process';
import {{ createInterface }} from 'node:readline';
{lines}
const session = await fetch(`${{url}}/auth`, {{
  method: 'POST', body: JSON.stringify(admin), headers: {{ 'content-type': 'application/json' }},
}});
const mails = await (await fetch(inbox_url)).json();
console.log(session.status, mails.items.length);
server.kill();
const [code] = await once(server, 'exit');
console.log(code);
"
    );
    let mut node = tool("node");
    node.args(["--input-type=module", "--eval", &script]);
    let doorward = doorward_binary();
    let mut path = doorward.parent().unwrap().as_os_str().to_owned();
    path.push(":/usr/bin:/bin");
    assert_eq!(stdout_of(node.env("PATH", path)), "201 0\n0\n");
}
