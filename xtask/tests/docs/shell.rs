//! Runs the `sh` blocks of a page: one script, in bash, from top to bottom, in an empty folder.
//!
//! It has what a new user has: the binary on the path, npm packages, copies of the repository's `examples`,
//! `clients` and `deploy`; the script of an example's page starts in its folder. A page that starts a server
//! (`doorward serve`, `cargo run --release -- serve`) uses that one, in the background; one that only uses
//! `localhost:8000` gets a server. `localhost:8000` and `localhost:9443` are replaced by free ports, `'…'` by the
//! admin's password, and each `postgres://…@HOST.example.com/…` by an empty database of a real `PostgreSQL`. curl
//! fails on 4xx and 5xx here.
//!
//! Remarks such as `# 401` and `# {"token": "…"}` are expectations (`expected_output.rs`). Throttling is enabled, as it is
//! for a reader; `UNTHROTTLED` has the exceptions.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use doorward_testkit::port::Port;
use doorward_testkit::servers::{ADMIN_PASSWORD, Doorward, doorward_binary};
use doorward_testkit::tools;

use crate::expected_output::{self, LineExpectation};
use crate::pages::{Block, Page, all_pages, pages, root, scratch, succeed, tracked};

/// Timeout for a page, in seconds.
const TEST_TIMEOUT: &str = "120";
/// Ports of the services on the pages of the examples.
const SERVICES: [&str; 4] = ["5001", "5002", "5003", "5004"];
/// Pages that are tested without throttling, with the reason.
const UNTHROTTLED: [(&str, &str); 1] = [(
    "clients/README.md",
    "it waits for budgets that are used up, longer than a page may take; xtask/tests/clients has them on",
)];
/// Number of concurrent pages.
const THREADS: usize = 3;

#[test]
fn every_snippet_of_the_pages_runs() {
    let waiting: Mutex<Vec<_>> = Mutex::new(pages());
    let failures: Mutex<Vec<String>> = Mutex::default();
    std::thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                loop {
                    let Some(page) = waiting.lock().unwrap().pop() else {
                        break;
                    };
                    if let Err(reported) = run(&page) {
                        failures.lock().unwrap().push(reported);
                    }
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{}", failures.join("\n\n"));
}

fn run(page: &Page) -> Result<(), String> {
    let mut blocks = page.blocks_in(&["sh"]);
    blocks.retain(|block| block.excuse.is_none());
    if blocks.is_empty() {
        return Ok(());
    }
    let folder = scratch(&page.path);
    let place = furnish(&folder, &page.path);
    let all: String = blocks.iter().map(|block| block.text.as_str()).collect();
    let is_throttled = UNTHROTTLED.iter().all(|(path, _)| *path != page.path);
    let throttles = ("DOORWARD_THROTTLE__ENABLED", is_throttled.to_string());
    let given = (!starts_a_server(&all) && all.contains("localhost:8000"))
        .then(|| Doorward::start(&[(throttles.0, &throttles.1)]));
    // Reserved until the page is done.
    let free: Vec<_> = (0..2 + SERVICES.len()).map(|_| Port::free()).collect();
    let mut ports: Vec<_> = free.iter().map(|port| port.number).collect();
    if let Some(server) = &given {
        ports[0] = server.port();
    }
    let (port, tls_port) = (ports[0], ports[1]);
    let mut line_expectations = Vec::new();
    let script = script_of(page, blocks, &mut line_expectations)
        .map_err(|fault| format!("{}:{fault}", page.path))?;
    std::fs::create_dir(folder.join("expectations")).unwrap();
    let script = with_databases(&script);
    let script = with_ports(&script, &ports).replace("'…'", &format!("'{ADMIN_PASSWORD}'"));
    let file = folder.join("page.sh");
    std::fs::write(&file, script).unwrap();

    let mut bash = bash(&folder, &page.path);
    bash.arg(&file).current_dir(place);
    bash.env("SERVER_PORT", port.to_string())
        .env("SERVER_TLS_PORT", tls_port.to_string())
        .env(throttles.0, throttles.1);
    match &given {
        Some(server) => bash.env("DOORWARD_DATA_DIR", server.folder().join("data")),
        None => bash.env("DOORWARD_LISTEN", format!("127.0.0.1:{port}")),
    };
    let output = bash.output().unwrap();
    let printed = format!(
        "{}{}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    println!(
        "== {} ({} expectations)\n{printed}",
        page.path,
        line_expectations.len()
    );
    if !output.status.success() {
        return Err(format!("{}: {}\n{printed}", page.path, output.status));
    }
    let broken = expected_output::broken(&page.path, &folder, &line_expectations, port);
    match broken.is_empty() {
        true => Ok(()),
        false => Err(broken.join("\n")),
    }
}

/// The shell of a new user, without settings.
fn bash(folder: &Path, page: &str) -> Command {
    let mut bash = Command::new("timeout");
    bash.args([
        "--kill-after=10",
        TEST_TIMEOUT,
        "bash",
        "-eu",
        "-o",
        "pipefail",
    ]);
    bash.args(["-c", "source \"$0\"; source \"$1\""]);
    bash.arg(root().join("xtask/tests/docs/prelude.sh"));
    bash.env_clear()
        .env("PATH", path_with(&folder.join("bin")))
        .env("HOME", folder)
        .env("LANG", "C.UTF-8")
        .env("PAGE", page)
        .env("SCRATCH", folder)
        .env("BINARY", doorward_binary());
    bash
}

/// The blocks, each on its lines of the page, so that bash reports those.
fn script_of(
    page: &Page,
    mut blocks: Vec<Block>,
    line_expectations: &mut Vec<LineExpectation>,
) -> Result<String, String> {
    for block in &mut blocks {
        block.text = expected_output::captured(block, line_expectations)?;
    }
    blocks.extend(expected_output::examples(page, line_expectations)?);
    blocks.sort_by_key(|block| block.line);
    let mut script = String::new();
    for block in &blocks {
        let gap = (block.line - 1).saturating_sub(script.lines().count());
        script += &"\n".repeat(gap);
        script += &block.text;
    }
    Ok(script)
}

/// Replaces the ports in pages: of the server, its TLS port, and the services.
fn with_ports(script: &str, ports: &[u16]) -> String {
    let written = ["8000", "9443"].into_iter().chain(SERVICES);
    let ports: Vec<_> = written.zip(ports).collect();
    // First placeholders, then ports: a free port may start like another one.
    let mut script = script.to_owned();
    for (mark, (written, _)) in ports.iter().enumerate() {
        for before in ["localhost:", "127.0.0.1:", "PORT="] {
            script = script.replace(&format!("{before}{written}"), &format!("{before}<{mark}>"));
        }
    }
    for (mark, (_, port)) in ports.iter().enumerate() {
        script = script.replace(&format!("<{mark}>"), &port.to_string());
    }
    script
}

/// Replaces every URL of a fictional database by that of a new, empty one.
fn with_databases(script: &str) -> String {
    let mut script = script.to_owned();
    while let Some(start) = script.find("postgres://user:password@") {
        let rest = &script[start..];
        let end = rest.find(['\'', '"', ' ', '\n']).unwrap_or(rest.len());
        let url = rest[..end].to_owned();
        assert!(url.contains(".example.com/doorward"), "{url}");
        let runtime = tokio::runtime::Builder::new_current_thread().build();
        let real = runtime
            .unwrap()
            .block_on(doorward_testkit::servers::postgres());
        script = script.replace(&url, &real);
    }
    script
}

/// Returns `true` if a line of the script starts a server and leaves it running.
fn starts_a_server(script: &str) -> bool {
    crate::command_lines::commands(script).iter().any(|words| {
        let words = crate::command_lines::without_variables(words);
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        matches!(
            words.as_slice(),
            ["doorward", "serve", ..]
                | ["cargo", "run", "--", "serve", ..]
                | ["cargo", "run", "--release", "--", "serve", ..]
        )
    })
}

/// Creates the script's files; returns the folder it starts in.
fn furnish(folder: &Path, page: &str) -> PathBuf {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    std::os::unix::fs::symlink(doorward_binary(), bin.join("doorward")).unwrap();
    let copies = folder.join("copies");
    std::fs::create_dir_all(&copies).unwrap();
    for file in tracked(&["examples", "clients", "deploy"]) {
        let copy = copies.join(&file);
        std::fs::create_dir_all(copy.parent().unwrap()).unwrap();
        // A file that was just removed is skipped.
        let _ = std::fs::copy(root().join(&file), copy);
    }
    std::os::unix::fs::symlink(tools::node_modules(), copies.join("node_modules")).unwrap();
    let own = Path::new(page).parent().unwrap();
    let is_of_an_example = own.components().count() == 2
        && (own.starts_with("examples") || own.starts_with("clients"));
    if is_of_an_example {
        copies.join(own)
    } else {
        copies
    }
}

fn path_with(bin: &Path) -> String {
    let python = tools::tool("python");
    let own = Path::new(python.get_program()).parent().unwrap();
    format!(
        "{}:{}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin",
        bin.display(),
        own.display()
    )
}

/// Every block, run or not, is valid bash, and shellcheck reports nothing.
#[test]
fn every_snippet_is_well_formed() {
    let folder = scratch("every");
    let mut files = Vec::new();
    for page in pages() {
        let blocks = page.blocks_in(&["sh"]);
        if blocks.is_empty() {
            continue;
        }
        let file = folder.join(page.path.replace('/', "-"));
        let mut script = String::new();
        for block in &blocks {
            let gap = block.line - 1 - script.lines().count();
            script += &"\n".repeat(gap);
            script += &block.text;
        }
        std::fs::write(&file, script).unwrap();
        files.push(file);
    }
    for file in &files {
        succeed(Command::new("bash").arg("-n").arg(file));
    }
    if files.is_empty() {
        // A single page may have none; some pages do.
        assert!(pages().len() < all_pages().len());
        return;
    }
    // Readers set some variables, and use others elsewhere.
    succeed(
        Command::new("shellcheck")
            .args(["--shell=bash", "--format=gcc", "--severity=warning"])
            .args(["--exclude=SC2034,SC2154"])
            .args(&files),
    );
}

/// Runs a page with this text.
pub fn tried(text: &str) -> Result<(), String> {
    static TRIED: AtomicUsize = AtomicUsize::new(0);
    let number = TRIED.fetch_add(1, Relaxed);
    run(&Page {
        path: format!("{number}.md"),
        text: text.to_owned(),
    })
}

/// A failing script fails the page, and so does an unmet expectation.
#[test]
fn a_failing_snippet_is_detected() {
    let tried = |text: &str| tried(&format!("```sh\n{text}\n```\n"));
    let reported = tried("true\n\ndoorward serv --help").unwrap_err();
    assert!(reported.contains(".md:4: "), "{reported}");
    tried("curl -s localhost:8000/user/me").unwrap_err();
    tried("curl -s localhost:8000/healthz  # 401").unwrap_err();
    tried("curl -s localhost:8000/user/me  # 401").unwrap();
    tried("doorward serve\ncurl -s localhost:8000/readyz\n[ -d doorward-data ]").unwrap();
}
