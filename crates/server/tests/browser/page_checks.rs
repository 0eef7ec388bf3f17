//! Checks that hold for every page, on a phone's screen and in both color schemes.

use serde_json::{Value, json};

use crate::browser::Browser;

const CHECK_PAGE: &str = include_str!("page_checks.js");
/// Records the elements that get the focus, and returns the number of focusable elements.
const WATCH_FOCUS: &str = "\
    window.focused = new Set([document.activeElement]);
    document.addEventListener('focusin', (event) => focused.add(event.target));
    window.reachable = () => [...document.querySelectorAll('a, button, summary, input')].filter((e) => e.checkVisibility());
    return reachable().length;";
const MISSED: &str =
    "return reachable().filter((e) => !focused.has(e)).map((e) => e.outerHTML.slice(0, 120));";

/// Checks the current page; `page` names it in failures.
#[track_caller]
pub fn check_page(browser: &Browser, page: &str) {
    // The keyboard first, since the next checks open what is folded.
    let count = browser.run(WATCH_FOCUS).as_u64().unwrap();
    // If a field with an error has the focus already, the first round starts in the middle.
    let rounds = if browser.has("[autofocus]") { 2 } else { 1 };
    browser.tab(rounds * count + 2);
    assert_eq!(
        browser.run(MISSED),
        json!([]),
        "{page}: not reached by keyboard"
    );
    browser.run("document.querySelector('[autofocus]')?.focus()");
    for scheme in ["light", "dark"] {
        let features = json!([{"name": "prefers-color-scheme", "value": scheme}]);
        browser.chromium(
            "Emulation.setEmulatedMedia",
            &json!({ "features": features }),
        );
        assert_eq!(browser.run(CHECK_PAGE), json!([]), "{page}, {scheme}");
    }
    assert_no_console_errors(browser, page);
}

/// Asserts that the console has no error and no CSP report, and no other host got a request. Hints and warnings are
/// not failures: each version of Chromium has others.
#[track_caller]
fn assert_no_console_errors(browser: &Browser, page: &str) {
    let home = browser.url("/");
    for entry in browser.log("browser") {
        let message = entry["message"].as_str().unwrap();
        let is_about_csp = message
            .to_lowercase()
            .replace('-', " ")
            .contains("security policy");
        let is_error = entry["level"] == "SEVERE" || is_about_csp;
        assert!(!is_error || is_refusal(message), "{page}: {entry}");
    }
    for entry in browser.log("performance") {
        let event: Value = serde_json::from_str(entry["message"].as_str().unwrap()).unwrap();
        let event = &event["message"];
        if event["method"] == "Network.requestWillBeSent" {
            let url = event["params"]["request"]["url"].as_str().unwrap();
            // What Chromium's own first page loads has no host.
            let is_of_a_host = !url.starts_with("data:") && !url.starts_with("chrome:");
            assert!(
                !is_of_a_host || url.starts_with(&home),
                "{page} asks for {url}"
            );
        }
    }
}

/// The expected error: a page has a 4xx status.
fn is_refusal(message: &str) -> bool {
    message.contains("the server responded with a status of 4")
        && !message.contains("/assets/")
        && !message.contains("favicon")
}
