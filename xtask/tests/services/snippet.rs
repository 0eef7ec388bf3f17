//! The snippet on the page about server-rendered applications.

use std::path::Path;

use doorward_testkit::tools::tool;

use crate::issuer::Issuer;
use crate::service::NO_PROXY_OF_OURS;

const PAGE: &str = "../docs/integrate/server-rendered.md";

const ASK: &str = "
try:
    print(person('a=cookie'))
except OSError:
    print('unknown')
";

/// Result of its `person` for the response of this Doorward.
fn person(doorward: &Issuer) -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
    let page = std::fs::read_to_string(page).unwrap();
    let (_, snippet) = page.split_once("```python\n").unwrap();
    let (snippet, _) = snippet.split_once("```\n").unwrap();
    let shown = "\"http://127.0.0.1:8000\"";
    assert!(snippet.contains(shown), "{snippet}");
    let snippet = snippet.replace(shown, &format!("{:?}", doorward.url));
    let mut python = tool("python");
    python.args(["-c", &format!("{snippet}{ASK}")]);
    python
        .env("http_proxy", NO_PROXY_OF_OURS)
        .env("no_proxy", "");
    let output = python.output().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[test]
fn the_snippet_distinguishes_signed_in_and_anonymous_users() {
    let doorward = Issuer::start();
    doorward.says("200 OK", &["X-Auth-User-Id: ben", "X-Auth-Role: user"], "");
    assert_eq!(person(&doorward), "{'id': 'ben', 'role': 'user'}");
    doorward.says("401 Unauthorized", &[], "");
    assert_eq!(person(&doorward), "None");
}

#[test]
fn the_snippet_trusts_only_doorward() {
    let (doorward, evil) = (Issuer::start(), Issuer::start());
    evil.says(
        "200 OK",
        &["X-Auth-User-Id: evil", "X-Auth-Role: admin"],
        "",
    );
    let there = format!("Location: {}/auth/check", evil.url);
    for (status, field) in [
        ("302 Found", there.as_str()),
        ("200 OK", "Content-Type: text/html"),
        ("503 Service Unavailable", "Retry-After: 1"),
    ] {
        doorward.says(status, &[field], "<!doctype html>");
        assert_eq!(person(&doorward), "unknown", "{status}");
    }
    assert_eq!((doorward.asked(), evil.asked()), (3, 0));
}
