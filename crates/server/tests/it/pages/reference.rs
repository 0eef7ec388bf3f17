//! The API reference: it shows every operation with its fields, in the order in which clients need them.

use std::process::Command;

use doorward_web::routes::{Route, table};
use serde_json::Value;

use super::Page;
use crate::support::{PUBLIC_URL, TestApp};

/// The page, as a browser reads its texts.
async fn reference() -> String {
    let app = TestApp::new().await;
    let Page(html) = Page::get(&app.anonymous(), "/docs", "en").await;
    html.replace("&quot;", "\"")
        .replace("&#39;", "'")
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&amp;", "&")
}

/// A server on the reader's own machine has them.
#[tokio::test]
async fn a_public_server_has_no_forms_that_send_requests() {
    assert!(!reference().await.contains("class=\"try\""));
}

#[tokio::test]
async fn the_reference_and_the_document_have_the_minimum_length_that_is_set() {
    let app = TestApp::with(|options| options.policy.password_rules.min_length = 15).await;
    let page = app.anonymous().request("GET", "/docs").html().send().await;
    let page = page.expect(200).text();
    assert!(page.contains("15 to 256 characters") && !page.contains("8 to 256 characters"));
    let document = app
        .anonymous()
        .get("/openapi.json")
        .await
        .expect(200)
        .json();
    let password = &document["components"]["schemas"]["SignUp"]["properties"]["password"];
    assert_eq!(password["minLength"], 15);
}

/// The part of the page about an operation.
fn part<'p>(page: &'p str, method: &str, path: &str) -> &'p str {
    let start = format!("<div class=\"operation\" id=\"{method}-{path}\">");
    let (_, part) = page.split_once(&start).unwrap_or_else(|| panic!("{start}"));
    part.split("</details>").next().unwrap()
}

/// The operations of the document that are not pages.
fn operations(document: &Value) -> impl Iterator<Item = (&'static Route, String, &Value)> {
    let routes = table().filter(|route| !route.is_page);
    routes.filter_map(|route| {
        let method = route.method.as_str().to_lowercase();
        let operation = document["paths"].get(route.path)?.get(&method)?;
        Some((route, method, operation))
    })
}

fn schema<'a>(document: &'a Value, content: &Value) -> &'a Value {
    let reference = content.pointer("/application~1json/schema/$ref");
    let place = reference.and_then(Value::as_str).unwrap_or_default();
    document.pointer(place.trim_start_matches('#')).unwrap()
}

#[tokio::test]
async fn the_reference_has_the_fields_of_every_request_and_response() {
    let page = reference().await;
    let document = doorward_web::openapi_document(PUBLIC_URL);
    let mut count = 0;
    for (route, method, operation) in operations(&document) {
        let part = part(&page, &method, route.path);
        let responses = operation["responses"].as_object().unwrap();
        let responses = responses
            .iter()
            .filter(|(status, _)| status.starts_with('2'));
        let contents = responses
            .map(|(_, response)| &response["content"])
            .chain([&operation["requestBody"]["content"]]);
        for content in contents.filter(|content| content.is_object()) {
            let fields = schema(&document, content)["properties"].as_object();
            for (name, _) in fields.into_iter().flatten() {
                let cell = format!("<dt><code>{name}</code> ");
                assert!(part.contains(&cell), "{method} {}: {name}", route.path);
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count}");
}

#[tokio::test]
async fn the_reference_has_types_also_of_nested_fields() {
    let page = reference().await;
    for (method, path, fields) in [
        (
            "post",
            "/user",
            &[
                "<code>password</code> text, 8 to 256 characters, required",
                "<code>pending_email</code> address, or absent",
                "<code>email</code> address, or null",
                "<code>role</code> <code>user</code> or <code>admin</code>",
            ][..],
        ),
        (
            "post",
            "/auth",
            &[
                "<code>factors</code> array of <code>FactorKind</code>, or absent",
                "<code>factors[].kind</code> ",
                "<code>expires_in</code> number",
                "<code>user</code> <code>User</code>",
                "<code>user.last_sign_in_at</code> time, or absent",
            ],
        ),
        (
            "get",
            "/",
            &[
                "<code>links.docs</code> ",
                "<code>sign_up.domains</code> array of text",
                "<code>username</code> text, up to 64 characters, or null",
            ],
        ),
        (
            "get",
            "/user/{user}/export",
            &[
                "<code>password</code> <code>ExportedPassword</code>, or null",
                "<code>password.set_at</code> time",
                "<code>audit[].event</code> text",
                "<code>user</code> in path, text, required",
            ],
        ),
    ] {
        let part = part(&page, method, path);
        for field in fields {
            assert!(part.contains(field), "{method} {path}: {field} in {part}");
        }
    }
}

#[tokio::test]
async fn the_reference_has_the_tasks_in_the_order_in_which_clients_need_them() {
    let page = reference().await;
    let operations = [
        ("post", "/user"),
        ("post", "/confirmation/{token}"),
        ("post", "/auth"),
        ("get", "/auth"),
        ("delete", "/auth"),
        ("put", "/password"),
        ("post", "/recovery/{token}"),
        ("put", "/user/{user}/email"),
        ("post", "/user/{user}/factor"),
        ("delete", "/user/{user}"),
        ("get", "/audit"),
        ("get", "/readyz"),
    ];
    let places = operations.map(|(method, path)| {
        let id = format!("id=\"{method}-{path}\"");
        page.find(&id).unwrap_or_else(|| panic!("{id}"))
    });
    assert!(places.is_sorted(), "{places:?}");
    // Routes for browsers are listed at the end only.
    let pages = page.find("id=\"pages\"").unwrap();
    assert!(places[11] < pages);
    for route in table().filter(|route| route.is_page) {
        let name = format!("<code>{} {}</code>", route.method, route.path);
        assert!(page[pages..].contains(&name), "{name}");
        assert!(!page[..pages].contains(&name), "{name}");
    }
}

#[tokio::test]
async fn the_reference_links_to_problems_and_repeats_none_of_every_route() {
    let page = reference().await;
    let sign_up = part(&page, "post", "/user");
    let link = "<a href=\"/problems/username-taken\"><code>username-taken</code></a> (409)";
    assert!(sign_up.contains(link), "{sign_up}");
    for code in ["internal-error", "https-required"] {
        let link = format!("href=\"/problems/{code}\"");
        assert_eq!(page.matches(&link).count(), 1, "{code}");
    }
}

/// The arguments that a shell passes to curl, for each command of the page.
fn arguments(page: &str) -> Vec<Vec<String>> {
    let commands = page.split("data-copied=\"Copied\">").skip(1);
    let commands = commands.map(|rest| rest.split("</pre>").next().unwrap());
    let script: String = commands.map(|command| format!("{command}\n")).collect();
    let output = Command::new("sh")
        .args(["-euc", "curl() { printf '%s\\n' \"$@\" ''; }; eval \"$0\""])
        .arg(script)
        .envs([("TOKEN", "t0"), ("ID", "i0"), ("LINK_TOKEN", "l0")])
        .output()
        .unwrap();
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let commands = text.trim_end().split("\n\n");
    commands
        .map(|command| command.lines().map(str::to_owned).collect())
        .collect()
}

#[tokio::test]
async fn each_operation_has_a_command_that_a_shell_reads_as_its_request() {
    let page = reference().await;
    let document = doorward_web::openapi_document(PUBLIC_URL);
    let commands = arguments(&page);
    assert_eq!(commands.len(), operations(&document).count());
    for (route, method, operation) in operations(&document) {
        let path = route.path.replace("{id}", "i0").replace("{token}", "l0");
        let urls =
            ["me", "ben"].map(|user| format!("{PUBLIC_URL}{}", path.replace("{user}", user)));
        let has_body = operation["requestBody"].is_object();
        let implied = if has_body { "post" } else { "get" };
        let found = commands.iter().find(|command| {
            let chosen = command.iter().skip_while(|part| *part != "-X").nth(1);
            let chosen = chosen.map_or(implied.to_owned(), |chosen| chosen.to_lowercase());
            chosen == method
                && command.iter().any(|part| urls.contains(part))
                && command.contains(&"-d".to_owned()) == has_body
        });
        let command = found.unwrap_or_else(|| panic!("{method} {path}"));
        if has_body {
            let body: Value = serde_json::from_str(command.last().unwrap()).unwrap();
            let content = &operation["requestBody"]["content"];
            assert_eq!(body, schema(&document, content)["example"], "{path}");
        }
        let sends_token = command.contains(&"Authorization: Bearer t0".to_owned());
        let may_send = operation["security"] != serde_json::json!([]);
        assert!(may_send || !sends_token, "{method} {path}");
    }
}
