//! `clients/doorward.postman_collection.json`, run by newman.

use std::collections::BTreeSet;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use doorward_testkit::newman::{UNSEEN, needing_the_inbox, skipped};
use doorward_testkit::servers::{ADMIN_PASSWORD, Doorward};
use doorward_testkit::tools::npm_tool;
use serde_json::Value;
use tempfile::TempDir;

use super::{clients, document, output_text};

/// Newman's report of a run.
pub(super) struct Run {
    passed: bool,
    printed: String,
    report: Value,
}

impl Run {
    /// Runs a collection against a server.
    fn of(collection: &Path, url: &str) -> Self {
        Self::with(collection, url, &[])
    }

    /// The same, but stops at the first failure.
    pub(super) fn to_the_first_failure(collection: &Path, url: &str) -> Self {
        Self::with(collection, url, &["--bail"])
    }

    fn with(collection: &Path, url: &str, more: &[&str]) -> Self {
        let folder = TempDir::new().unwrap();
        let report = folder.path().join("report.json");
        let mut newman = npm_tool("newman");
        newman.arg("run").arg(collection);
        newman.args(["--env-var", &format!("baseUrl={url}")]);
        newman.args(["--env-var", &format!("adminPassword={ADMIN_PASSWORD}")]);
        newman.args(["--reporters", "cli,json", "--color", "off"]);
        newman.args(more);
        let output = newman.arg("--reporter-json-export").arg(&report).output();
        let output = output.unwrap();
        let report = std::fs::read(&report).unwrap_or_else(|_| panic!("{}", output_text(&output)));
        Self {
            passed: output.status.success(),
            printed: output_text(&output),
            report: serde_json::from_slice(&report).unwrap(),
        }
    }

    /// Runs Doorward's collection, which must pass.
    pub(super) fn must_pass(url: &str) -> Self {
        let run = Self::of(&collection(), url);
        assert!(run.passed && run.failed() == 0, "{}", run.printed);
        run
    }

    pub(super) fn passed(&self) -> bool {
        self.passed
    }

    pub(super) fn printed(&self) -> &str {
        &self.printed
    }

    pub(super) fn failed(&self) -> u64 {
        let stats = &self.report["run"]["stats"];
        let failed = |of: &str| stats[of]["failed"].as_u64().unwrap();
        failed("assertions") + failed("testScripts") + failed("requests")
    }

    /// Each response: the status, the body.
    fn answers(&self) -> impl Iterator<Item = (u64, Vec<u8>)> {
        let executions = self.report["run"]["executions"].as_array().unwrap();
        executions.iter().filter_map(|execution| {
            let response = &execution["response"];
            let bytes = response["stream"]["data"].as_array().into_iter().flatten();
            let bytes = bytes.filter_map(|byte| byte.as_u64()?.try_into().ok());
            Some((response["code"].as_u64()?, bytes.collect()))
        })
    }

    /// The codes of all problems.
    fn problems(&self) -> BTreeSet<String> {
        let refusals = self.answers().filter(|(status, _)| *status >= 400);
        let code = |body: Vec<u8>| {
            let problem: Value = serde_json::from_slice(&body).ok()?;
            Some(problem["code"].as_str()?.to_owned())
        };
        refusals.filter_map(|(_, body)| code(body)).collect()
    }
}

pub(super) fn collection() -> std::path::PathBuf {
    clients().join("doorward.postman_collection.json")
}

#[test]
fn the_collection_passes_and_causes_every_problem() {
    let server = Doorward::start(&[]);
    let run = Run::must_pass(server.url());
    assert!(skipped(&run.report).is_empty(), "{}", run.printed);
    let document: Value = serde_json::from_str(&document(None)).unwrap();
    let listed = &document["components"]["schemas"]["Problem"]["properties"]["code"]["enum"];
    let seen = run.problems();
    let unseen: BTreeSet<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter_map(Value::as_str)
        .filter(|code| !seen.contains(*code))
        .collect();
    let mut expected = BTreeSet::from(UNSEEN);
    // Throttling is disabled here, and a run stays below the limits.
    expected.insert("too-many-attempts");
    assert_eq!(unseen, expected);
}

/// The second run starts with the data of the first.
#[test]
fn the_collection_passes_repeatedly() {
    let server = Doorward::start(&[]);
    Run::must_pass(server.url());
    let run = Run::must_pass(server.url());
    assert!(skipped(&run.report).is_empty(), "{}", run.printed);
}

/// A run stays below every limit, or waits.
#[test]
fn the_collection_passes_with_throttling() {
    let server = Doorward::start(&[("DOORWARD_THROTTLE__ENABLED", "true")]);
    let run = Run::must_pass(server.url());
    assert!(skipped(&run.report).is_empty(), "{}", run.printed);
}

/// A server that sends its mail elsewhere has no inbox. Here it also has no enumeration protection.
#[test]
fn the_collection_passes_without_an_inbox_and_reports_what_it_skips() {
    let server = Doorward::start(&[
        ("DOORWARD_MAIL__URL", "folder:{folder}/mails"),
        ("DOORWARD_ENUMERATION_PROTECTION", "false"),
    ]);
    let run = Run::must_pass(server.url());
    assert!(run.printed.contains("has no inbox"), "{}", run.printed);
    assert_eq!(skipped(&run.report), needing_the_inbox(&run.report));
    assert!(run.problems().contains("unknown-account"));
}

/// Any wrong expectation fails the run.
#[test]
fn the_collection_fails_if_an_expectation_is_wrong() {
    let server = Doorward::start(&[]);
    let folder = TempDir::new().unwrap();
    let text = std::fs::read_to_string(collection()).unwrap();
    let falsified = [
        ("GET /nowhere → 404 not-found", "GET /nowhere → 404 gone"),
        ("'X-Frame-Options', 'DENY'", "'X-Frame-Options', 'ALLOW'"),
        (
            "role: 'user', status: 'active'",
            "role: 'king', status: 'active'",
        ),
    ];
    for (right, wrong) in falsified {
        assert!(text.contains(right), "{right}");
        let path = folder.path().join("falsified.json");
        std::fs::write(&path, text.replace(right, wrong)).unwrap();
        let run = Run::of(&path, server.url());
        assert!(!run.passed && run.failed() > 0, "{wrong}: {}", run.printed);
    }
}

/// A server that responds `{}` to everything is not a Doorward.
#[test]
fn the_collection_fails_for_another_server() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 8192];
            let asked = stream.read(&mut head).unwrap_or(0);
            let answer = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
            if asked > 0 && stream.write_all(answer.as_bytes()).is_err() {
                break;
            }
        }
    });
    let run = Run::of(&collection(), &url);
    assert!(!run.passed);
    assert!(run.failed() > 200, "{}", run.failed());
}
