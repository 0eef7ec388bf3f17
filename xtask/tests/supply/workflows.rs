//! The workflows: whatever they run is pinned, and they may do as little as they can.

use doorward_testkit::repository::{root, tracked};
use doorward_testkit::tools::tool;

fn workflows() -> Vec<(String, String)> {
    let files = tracked(&[".github/workflows/*.yml"]);
    assert!(files.len() >= 2, "{files:?}");
    let read = |file: String| {
        let text = std::fs::read_to_string(root().join(&file)).unwrap();
        (file, text)
    };
    files.into_iter().map(read).collect()
}

/// A tag can be moved to other code, a commit cannot.
#[test]
fn every_action_is_pinned_to_a_commit() {
    for (file, text) in workflows() {
        for line in text.lines().filter(|line| line.contains("uses:")) {
            let (_, action) = line.split_once('@').expect("an action has a version");
            let (commit, version) = action.split_once(" # v").expect("and says which it is");
            let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_commit && !version.is_empty(), "{file}: {line}");
        }
    }
}

#[test]
fn nothing_is_granted_but_what_a_job_asks_for() {
    for (file, text) in workflows() {
        assert!(text.contains("\npermissions: {}\n"), "{file}");
        assert!(!text.contains("pull_request_target"), "{file}");
        assert!(!text.contains("workflow_run"), "{file}");
        assert!(!text.contains("secrets."), "{file}");
        let writes = text.lines().filter(|line| line.ends_with(": write"));
        let may_write = file.ends_with("release.yml");
        assert_eq!(writes.count(), if may_write { 3 } else { 0 }, "{file}");
        let jobs = text.matches("    runs-on:").count();
        assert_eq!(text.matches("    permissions:").count(), jobs, "{file}");
        assert_eq!(text.matches("    timeout-minutes:").count(), jobs, "{file}");
    }
}

/// Whoever knows how workflows are attacked finds nothing in these.
#[test]
fn the_auditor_of_workflows_finds_nothing() {
    let output = tool("zizmor")
        .args(["--offline", "--no-progress", ".github/workflows"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
