//! The collection of `clients` against the site's address: routes that a proxy does not forward are skipped and
//! reported.

use doorward_testkit::newman::{needing_the_inbox, skipped};
use doorward_testkit::process::said;
use doorward_testkit::repository::root;
use doorward_testkit::servers::ADMIN_PASSWORD;
use doorward_testkit::tools::npm_tool;
use serde_json::Value;
use tempfile::NamedTempFile;

use crate::stack::{Kind, ProxyStack};

/// Requests that the proxies answer themselves, or that exceed their limits.
const SKIPPED: [&str; 15] = [
    "GET /healthz → 200",
    "GET /readyz → 200",
    "GET /: without a session → 200",
    "GET /: an invalid token → 200",
    "GET /: Bob → 200",
    "GET /: the page → 303",
    "GET /auth/check → 200",
    "GET /auth/check: forged headers → 200",
    "GET /auth/check: not signed in → 401 authentication-required",
    "GET /auth/check: a browser → 303",
    "GET /login → 303",
    "GET /nowhere → 404 not-found",
    "GET /nowhere: the page → 404",
    "DELETE /healthz → 405 method-not-allowed",
    "GET /user: a query of 9 KiB → 414 uri-too-long",
];

crate::every_proxy!(the_collection_passes_and_reports_what_it_skips);

fn the_collection_passes_and_reports_what_it_skips(kind: Kind) {
    let stack = ProxyStack::start(kind);
    let report = NamedTempFile::new().unwrap();
    let mut newman = npm_tool("newman");
    newman.arg("run");
    newman.arg(root().join("clients/doorward.postman_collection.json"));
    newman.args(["--insecure", "--color", "off", "--reporters", "cli,json"]);
    newman.args(["--env-var", &format!("baseUrl={}", stack.origin)]);
    newman.args(["--env-var", &format!("adminPassword={ADMIN_PASSWORD}")]);
    newman.arg("--reporter-json-export").arg(report.path());
    let output = newman.output().unwrap();
    let message = said(&output);
    assert!(output.status.success(), "{message}");
    assert!(message.contains("A proxy is in front"), "{message}");
    let report = std::fs::read(report.path()).unwrap();
    let report: Value = serde_json::from_slice(&report).unwrap();
    // The inbox is for clients on the same machine, so a proxy opens none.
    let expected = needing_the_inbox(&report).into_iter().chain(SKIPPED);
    assert_eq!(skipped(&report), expected.collect());
}
