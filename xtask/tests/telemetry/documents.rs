//! The page, the alerts and the dashboard name exactly the metrics of the binary.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};
use std::process::Output;

use doorward_testkit::repository::assert_generated;
use doorward_testkit::tools::debian_tool;
use serde_json::{Value, json};

use crate::scrape::Scrape;
use crate::server::{MonitoredServer, PASSWORD};

const PAGE: &str = "docs/operations/monitoring.md";
const INSTRUCTIONS: &str = "docs/operations/alerts.md";
const ALERTS: &str = "docs/operations/alerts.yml";
const DASHBOARD: &str = "docs/operations/grafana-dashboard.json";
const BEGIN: &str = "<!-- metrics -->\n";
const END: &str = "<!-- end of metrics -->\n";

fn path(name: &str) -> PathBuf {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    root.join(name)
}

fn read(name: &str) -> String {
    std::fs::read_to_string(path(name)).unwrap()
}

/// The metrics of a server after a sign-up and a sign-in.
fn everything() -> Scrape {
    let server = MonitoredServer::start(&[]);
    let body = json!({"username": "ben", "password": PASSWORD});
    server.post("/user", body).expect(201);
    server.admin();
    server.scrape()
}

/// Store errors and disconnected clients have no series before the first event; their families have a name.
fn known(scrape: &Scrape) -> BTreeSet<String> {
    let mut names: BTreeSet<String> = scrape.names().into_iter().map(str::to_owned).collect();
    names.extend(LATER.iter().map(|later| later.0.to_owned()));
    names
}

/// Metrics that this server does not have: a counter that starts with the first event, and one that needs TLS.
/// Name, kind, labels, help.
const LATER: [(&str, &str, &str, &str); 2] = [
    (
        "doorward_certificate_expires_timestamp_seconds",
        "gauge",
        "",
        "Expiry time of the served certificate, in seconds since 1970; absent if Doorward serves plain HTTP.",
    ),
    (
        "doorward_store_operation_errors_total",
        "counter",
        "operation, store",
        "Failed store operations: no response, or not in time.",
    ),
];

#[test]
fn monitoring_md_is_up_to_date() {
    let scrape = everything();
    let mut rows: Vec<_> = scrape
        .families
        .iter()
        .map(|family| {
            let labels: Vec<_> = family.labels().into_iter().collect();
            let labels = labels.join(", ");
            (
                family.name.as_str(),
                family.kind.as_str(),
                labels,
                family.help.as_str(),
            )
        })
        .collect();
    for (name, kind, labels, help) in LATER {
        rows.push((name, kind, labels.to_owned(), help));
    }
    rows.sort();
    rows.dedup();
    let mut table = String::from("| metric | kind | labels | is |\n| --- | --- | --- | --- |\n");
    for (name, kind, labels, help) in rows {
        let _ = writeln!(table, "| `{name}` | {kind} | {labels} | {help} |");
    }
    let page = read(PAGE);
    let (before, rest) = page.split_once(BEGIN).unwrap();
    let (_, after) = rest.split_once(END).unwrap();
    assert_generated(PAGE, &format!("{before}{BEGIN}{table}{END}{after}"));
}

#[test]
fn every_documented_metric_exists_and_every_metric_is_on_the_dashboard() {
    let scrape = everything();
    let known = known(&scrape);
    let mut shown = BTreeSet::new();
    let tests = "docs/operations/alerts.test.yml";
    for document in [PAGE, INSTRUCTIONS, ALERTS, tests, DASHBOARD] {
        let named = named(&read(document));
        let least = if document == INSTRUCTIONS { 1 } else { 6 };
        assert!(named.len() >= least, "{document} names {named:?}");
        for name in &named {
            let is_histogram = scrape
                .families
                .iter()
                .any(|family| family.name == *name && family.kind == "histogram");
            assert!(
                known.contains(name) || (is_histogram && document == PAGE),
                "{document} names {name}, which does not exist"
            );
        }
        if document == DASHBOARD {
            shown = named;
        }
    }
    for family in &scrape.families {
        let parts = ["", "_bucket", "_count"].map(|part| format!("{}{part}", family.name));
        assert!(
            parts.iter().any(|part| shown.contains(part)),
            "the dashboard does not show {}",
            family.name
        );
    }
}

/// Words that look like a Doorward metric.
fn named(text: &str) -> BTreeSet<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let words = text.split(|c: char| !is_part(c));
    let is_metric = |word: &&str| {
        let rest = word
            .strip_prefix("doorward_")
            .or(word.strip_prefix("process_"));
        rest.is_some_and(|rest| !rest.is_empty() && !rest.starts_with("domain"))
    };
    let is_crate = |word: &&str| ["doorward_store_sql", "doorward_web"].contains(word);
    words
        .filter(is_metric)
        .filter(|word| !is_crate(word))
        .map(str::to_owned)
        .collect()
}

fn promtool(arguments: &[&str]) -> Output {
    debian_tool("promtool")
        .args(arguments)
        .current_dir(path("docs/operations"))
        .output()
        .expect("promtool; `cargo xtask tools` installs it")
}

#[test]
fn the_alerts_are_valid_and_each_is_tested() {
    for arguments in [
        ["check", "rules", "alerts.yml"],
        ["test", "rules", "alerts.test.yml"],
    ] {
        let output = promtool(&arguments);
        assert!(output.status.success(), "{output:?}");
    }
    let (alerts, tests, page) = (
        read(ALERTS),
        read("docs/operations/alerts.test.yml"),
        read(INSTRUCTIONS),
    );
    let names = alerts
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "));
    let mut count = 0;
    for name in names {
        assert!(
            page.contains(&format!("\n## {name}\n")),
            "{INSTRUCTIONS} has no section for {name}"
        );
        assert!(
            tests.contains(&format!("- name: {name}\n")),
            "{name} is not tested"
        );
        count += 1;
    }
    assert_eq!(page.matches("\n## Doorward").count(), count);
}

/// What Grafana needs, and that each query is `PromQL`.
#[test]
fn the_dashboard_is_valid_and_so_are_its_queries() {
    let dashboard: Value = serde_json::from_str(&read(DASHBOARD)).unwrap();
    assert!(dashboard["schemaVersion"].as_u64().unwrap() >= 36);
    let panels = dashboard["panels"].as_array().unwrap();
    let mut ids = BTreeSet::new();
    let mut places = BTreeSet::new();
    let mut rules = Vec::new();
    for panel in panels {
        let title = panel["title"].as_str().unwrap();
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{title}");
        let place = |field: &str| panel["gridPos"][field].as_u64().unwrap();
        assert!(place("x") + place("w") <= 24, "{title}");
        for x in place("x")..place("x") + place("w") {
            for y in place("y")..place("y") + place("h") {
                assert!(places.insert((x, y)), "{title} overlaps another panel");
            }
        }
        if panel["type"] == "row" {
            continue;
        }
        let targets = panel["targets"].as_array().unwrap();
        assert!(!targets.is_empty(), "{title}");
        for target in targets {
            assert_eq!(target["datasource"]["uid"], "${datasource}", "{title}");
            let query = target["expr"].as_str().unwrap();
            assert!(query.contains("$job"), "{title}: {query}");
            let query = query
                .replace("$__rate_interval", "1m")
                .replace("$instance", ".*")
                .replace("$job", "doorward");
            let record = format!("panel:{}:{}", rules.len(), "query");
            rules.push(json!({"record": record, "expr": query}));
        }
    }
    let variables = dashboard["templating"]["list"].as_array().unwrap();
    let names: Vec<_> = variables.iter().map(|one| one["name"].as_str()).collect();
    assert_eq!(names, [Some("datasource"), Some("job"), Some("instance")]);
    // JSON is YAML.
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("panels.yml");
    let rules = json!({"groups": [{"name": "panels", "rules": rules}]});
    std::fs::write(&file, rules.to_string()).unwrap();
    let output = promtool(&["check", "rules", file.to_str().unwrap()]);
    assert!(output.status.success(), "{output:?}");
}
