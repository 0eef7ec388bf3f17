//! A run of the collection in `clients`, from the report of newman's reporter `json`.

use std::collections::BTreeSet;

use serde_json::Value;

/// Problems that a client cannot cause, or only with other settings, after minutes, or on pages only.
pub const UNSEEN: [&str; 13] = [
    "headers-too-large",
    "https-required",
    "internal-error",
    "invitation-required",
    "outcome-unknown",
    "overloaded",
    "precondition-required",
    "request-timeout",
    "sign-up-closed",
    "stopping",
    "store-unavailable",
    "unknown-account",
    "wrong-password",
];

/// The names of the requests without a response: scripts of the collection have skipped them.
#[must_use]
pub fn skipped(report: &Value) -> BTreeSet<&str> {
    let executions = report["run"]["executions"].as_array().into_iter().flatten();
    let sent = executions.filter(|execution| execution["response"]["code"].is_u64());
    let sent: BTreeSet<_> = sent.map(|execution| name(&execution["item"])).collect();
    let all = items(&report["collection"]).flat_map(items).map(name);
    all.filter(|name| !sent.contains(name)).collect()
}

/// The names of the requests that need the inbox: their folders say so.
#[must_use]
pub fn needing_the_inbox(report: &Value) -> BTreeSet<&str> {
    let folders = items(&report["collection"]);
    let folders = folders.filter(|folder| name(folder).ends_with("(needs the inbox)"));
    folders.flat_map(items).map(name).collect()
}

fn items(of: &Value) -> impl Iterator<Item = &Value> {
    of["item"].as_array().into_iter().flatten()
}

fn name(item: &Value) -> &str {
    item["name"].as_str().unwrap()
}
