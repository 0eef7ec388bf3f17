//! Scripts: Doorward's own on its pages, and those of other origins with its responses.

use std::io::{Read, Write};
use std::net::TcpListener;

use serde_json::json;

use crate::browser::{Browser, Setup};

const WITH_SCRIPT: Setup = Setup {
    language: "en",
    script: true,
};
/// Requests a path with these options and returns the outcome.
const ASK: &str = "\
    const [url, how] = arguments;
    const done = arguments[arguments.length - 1];
    fetch(url, how).then((answer) => answer.text().then((text) => done(
        [answer.status, text.length > 0, answer.headers.get('x-request-id') !== null])), () => done('refused'));";

/// P-11: the button shows the password, says what it does next, and never submits the password as text.
#[test]
fn a_password_can_be_shown_and_hidden() {
    let browser = Browser::open(WITH_SCRIPT);
    browser.go("/");
    browser.fill("#password", "three boats");
    let state = "const [field, button] = [document.querySelector('#password'), document.querySelector('#password + button')];";
    let look = || {
        browser.run(&format!(
            "{state} return [field.type, field.value, button.innerText, button.getAttribute('aria-controls')];"
        ))
    };
    let seen = |kind: &str, label: &str| json!([kind, "three boats", label, "password"]);
    assert_eq!(look(), seen("password", "Show password"));
    browser.run(&format!("{state} button.click();"));
    assert_eq!(look(), seen("text", "Hide password"));
    browser.run(&format!(
        "{state} field.form.addEventListener('submit', (event) => event.preventDefault()); field.form.elements.username.value = 'ben'; field.form.requestSubmit();"
    ));
    assert_eq!(look(), seen("password", "Show password"));
}

/// W-01: without JavaScript nothing is missing, and every control works.
#[test]
fn without_scripts_there_is_no_button_to_show_the_password() {
    let browser = Browser::open(Setup {
        script: false,
        ..WITH_SCRIPT
    });
    browser.go("/");
    assert!(browser.has("#password") && !browser.has(".show"));
}

/// H-09: a script of a listed origin reads what it requests with a token, and nothing with the cookie. One of
/// another origin reads nothing.
#[test]
fn a_script_of_a_listed_origin_reads_responses_only_with_a_token() {
    let (app, other) = (blank_page("127.0.0.1"), blank_page("127.0.0.1"));
    let browser = Browser::open_at(WITH_SCRIPT, &[("DOORWARD_CORS__ORIGINS", &app)]);
    let home = browser.url("/");
    let me = browser.url("/user/me");
    let write = json!({"method": "PATCH", "headers": {"Authorization": "Bearer x", "Content-Type": "application/json", "If-Match": "\"1\""}, "body": "{}"});
    for (origin, is_named) in [(&app, true), (&other, false)] {
        browser.go(origin);
        let ask = |url: &str, how: &serde_json::Value| browser.run_async(ASK, &json!([url, how]));
        let expected = |status: u16| match is_named {
            true => json!([status, true, true]),
            false => json!("refused"),
        };
        assert_eq!(ask(&home, &json!({})), expected(200), "{origin}");
        assert_eq!(ask(&me, &write), expected(401), "{origin}");
        let by_cookie = json!({"credentials": "include"});
        assert_eq!(ask(&home, &by_cookie), json!("refused"), "{origin}");
    }
}

/// An origin with an empty page.
fn blank_page(host: &str) -> String {
    let listener = TcpListener::bind((host, 0)).unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let _ = stream.read(&mut [0; 4096]);
            let page = "HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 29\r\nConnection: close\r\n\r\n<!doctype html><h1>Blank</h1>";
            let _ = stream.write_all(page.as_bytes());
        }
    });
    origin
}
