//! The document, checked with all recommended rules of Redocly's linter.

use doorward_testkit::tools::npm_tool;
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{document, operations, output_text};

/// Numbers of errors and warnings, and the output.
fn lint(document: &str) -> (Value, String) {
    let folder = TempDir::new().unwrap();
    std::fs::write(folder.path().join("openapi.json"), document).unwrap();
    let mut redocly = npm_tool("redocly");
    redocly.args([
        "lint",
        "openapi.json",
        "--extends=recommended",
        "--format=json",
    ]);
    redocly
        .env("REDOCLY_TELEMETRY", "off")
        .env("REDOCLY_SUPPRESS_UPDATE_NOTICE", "true");
    let output = redocly.current_dir(folder.path()).output().unwrap();
    let report: Value = serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|_| panic!("{}", output_text(&output)));
    (report["totals"].clone(), output_text(&output))
}

#[test]
fn the_linter_reports_nothing() {
    for url in [None, Some("https://accounts.example.org")] {
        let (totals, printed) = lint(&document(url));
        assert_eq!(
            totals,
            json!({"errors": 0, "warnings": 0, "ignored": 0}),
            "{printed}"
        );
    }
}

/// The linter reads the document: it reports a missing part.
#[test]
fn the_linter_finds_missing_parts() {
    let mut wrong: Value = serde_json::from_str(&document(None)).unwrap();
    wrong["paths"]["/auth"]["post"]["operationId"] = json!("home");
    wrong["paths"]["/user"]["post"]["security"] = json!([{"nothing": []}]);
    let (totals, printed) = lint(&wrong.to_string());
    assert_eq!(totals["errors"], 2, "{printed}");
}

#[test]
fn the_document_has_the_server_and_the_security_schemes() {
    let document: Value =
        serde_json::from_str(&document(Some("https://accounts.example.org"))).unwrap();
    assert_eq!(
        document["servers"][0]["url"],
        "https://accounts.example.org"
    );
    let schemes = &document["components"]["securitySchemes"];
    assert_eq!(schemes["bearer"]["scheme"], "bearer");
    assert_eq!(schemes["cookie"]["in"], "cookie");
    assert!(operations(&document).len() >= 32);
}
