//! Generates `docs/API.md` from the OpenAPI document and the table of routes. A test compares the file, and
//! `cargo xtask bless` writes it.
//!
//! [`HEAD`] has the text that the document does not contain. A new route, field or problem is added automatically.

use std::fmt::Write;
use std::time::Duration;

use doorward_domain::limits::{ThrottleLimits, ThrottleScope};
use serde_json::{Map, Value};

use crate::http::problem::Code;
use crate::http::route::{Authentication, Route};
use crate::routes;

const HEAD: &str = r#"# The HTTP API

Every route with its permissions, parameters, responses and errors. Generated from the code, like `doorward openapi` and
`GET /openapi.json`; a server has the same page at `/docs`. Start with [QUICK-START.md](QUICK-START.md). Every error code: [ERRORS.md](ERRORS.md).

## Ground rules

| | |
| --- | --- |
| request bodies | JSON, or a form (`application/x-www-form-urlencoded`) with the same fields; in a form, `data` is JSON text and an empty field counts as absent. At most 64 KiB. An unknown field is rejected |
| response bodies | JSON. Times are RFC 3339 in UTC, ids are UUIDv7. A client that prefers `text/html` gets the page of the route, if there is one |
| authentication | `Authorization: Bearer TOKEN`, with the token of [`POST /auth`](#post-auth), or the cookie of the server's own pages. A request with both is rejected with 400 |
| `{user}` | `me`, a username or a user id |
| errors | `application/problem+json` (RFC 9457), with a stable `code`. [Problem](#problem). `errors` lists all invalid fields at once; a wrong password is reported before other errors of a change that requires it |
| lost updates | a user has an `ETag`. A write or deletion of the user, their address, password, role or status is rejected with 412 if its `If-Match` (a list of tags, or `*`) does not match or its `If-None-Match` does. With the setting `api.require_if_match`, a write without `If-Match` is rejected with 428 (`precondition-required`). Sessions and factors have no tags; a change of the password without a session can send `If-Match: *` |
| cross-site requests | with an unsafe method, a browser must send `Sec-Fetch-Site: same-origin` or `none`, or, without that field, the `Origin` of this server (or of `cors.origins`, where the cookie and the forms of the pages do not work); a program that sends neither field must not send the session cookie. Otherwise 403 `cross-site-request` |
| other origins | none, unless the operator lists them in `cors.origins`: their scripts use a bearer token, get no cookie, and can read `ETag`, `Link`, `Location`, `RateLimit`, `RateLimit-Policy`, `Retry-After`, `WWW-Authenticate` and `X-Request-Id` in addition to the usual fields |
| retries | a repeated sign-up with the same address gets the same response and creates one account; one with the same username is 409, and signing in shows whether it was yours |
| unconfirmed addresses | any number of accounts can wait for the confirmation of the same address. A sign-in with it is compared with the newest of them only: with its password, the response is 403 `email-unconfirmed`. The earlier ones get the response to a wrong password |
| lists | `items` and `next`: send `next` as `cursor` until it is null |
| rate limits | counted by network (IPv4 /32, IPv6 /64); `RateLimit` fields say how many requests are left, and with 429 `too-many-attempts` which limit denied the request and in `Retry-After` when to try again. Wrong passwords are also counted by account: each one makes the next attempt wait longer |
| known devices | a sign-in sets the cookie `__Host-doorward-device`, also for programs. It is not a credential; a later sign-in that sends it is accepted even if other clients have used up the limits |
| overload | `store-unavailable` and `overloaded` are 503 with `Retry-After`: nothing was changed, retry then. After `outcome-unknown` (503) read the current state first: the write may have been made |

**Problems of every route**, not repeated below: `malformed-request` (400), `https-required` (403), `not-acceptable` (406), `uri-too-long` (414), `headers-too-large` (431),
`internal-error` (500), `overloaded`, `store-unavailable` and `outcome-unknown` (503). With a request body also
`request-timeout` (408), `body-too-large` (413), `unsupported-media-type` (415), `validation-failed` (422). With a session also
`authentication-required` and `invalid-token` (401). For unsafe methods `cross-site-request` (403). With a rate limit `too-many-attempts` (429).
"#;

/// The whole page.
fn page(document: &Value) -> String {
    let mut text = HEAD.to_owned();
    for tag in document["tags"].as_array().unwrap() {
        let name = tag["name"].as_str().unwrap();
        let of_tag: Vec<_> = documented(document)
            .filter(|(_, operation)| operation["tags"][0] == *name)
            .collect();
        let about = tag["description"].as_str().unwrap();
        write!(
            text,
            "\n## {name}\n\n{about}\n\n| route | who | |\n| --- | --- | --- |\n"
        )
        .unwrap();
        for (route, operation) in &of_tag {
            let (name, who) = (name_of(route), access(route, operation));
            let summary = operation["summary"].as_str().unwrap();
            writeln!(
                text,
                "| [`{name}`](#{}) | {who} | {summary} |",
                anchor(&name)
            )
            .unwrap();
        }
        for (route, operation) in &of_tag {
            text += &section(document, route, operation);
        }
    }
    text += &pages();
    text += &shapes(document);
    text
}

/// The routes that are in the document, in the order of the table.
fn documented(document: &Value) -> impl Iterator<Item = (&'static Route, &Value)> {
    // Pages have a separate table, even if the document contains them.
    let api = routes::table().filter(|route| !route.is_page);
    api.filter_map(|route| {
        let method = route.method.as_str().to_ascii_lowercase();
        let operation = document["paths"].get(route.path)?.get(method)?;
        Some((route, operation))
    })
}

fn name_of(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

/// The anchor that GitHub generates for a heading.
fn anchor(heading: &str) -> String {
    let slug = heading.to_lowercase().replace(' ', "-");
    slug.chars()
        .filter(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'))
        .collect()
}

fn access(route: &Route, operation: &Value) -> &'static str {
    let is_of_a_user = route.path.starts_with("/user/{user}");
    match route.authentication {
        Authentication::Ignored => "anyone",
        Authentication::InvalidIgnored => "anyone; a valid session is used",
        Authentication::InvalidRejected => "anyone, with or without a session",
        Authentication::Required if operation["tags"][0] == "Admin" => "an admin",
        Authentication::Required if is_of_a_user => "the user, or an admin",
        Authentication::Required => "a signed-in user",
        Authentication::RequiredOrEnrolling if route.method == "GET" => {
            "the user, an admin, or the challenge of a sign-in"
        }
        Authentication::RequiredOrEnrolling => "the user, or the challenge of a sign-in",
        Authentication::RequiredOrSignInPage => "a signed-in user; a browser gets the sign-in page",
    }
}

fn section(document: &Value, route: &Route, operation: &Value) -> String {
    let summary = operation["summary"].as_str().unwrap();
    let more = operation["description"].as_str();
    let more = more.map_or_else(String::new, |more| format!(" {more}"));
    let mut text = format!("\n### `{}`\n\n{summary}.{more}\n\n", name_of(route));
    write!(text, "For {}.", access(route, operation)).unwrap();
    if let Some(scope) = route.scope {
        let network = "from one network (IPv4 /32, IPv6 /64)";
        let (what, key) = match scope {
            // Only what is compared counts.
            ThrottleScope::SignIn => (" passwords or codes", network),
            ThrottleScope::Token => ("", "per account"),
            _ => ("", network),
        };
        let rate = ThrottleLimits::default().rate(scope);
        let window = in_words(rate.window);
        write!(text, " At most {}{what} {window} {key}.", rate.burst).unwrap();
    }
    text.push_str("\n\n");

    let rows = [parameters(operation), body(document, operation)].concat();
    if !rows.is_empty() {
        text += &about_body(document, operation);
        text += "| in | field | | |\n| --- | --- | --- | --- |\n";
        text += &rows;
        text.push('\n');
    }
    let responses = operation["responses"].as_object().unwrap();
    for (status, response) in responses
        .iter()
        .filter(|(status, _)| status.starts_with('2'))
    {
        writeln!(text, "- **{status}** {}", answer(document, response)).unwrap();
    }
    if !route.problems.is_empty() {
        writeln!(text, "- Problems: {}", codes(&route.problems.concat())).unwrap();
    }
    text
}

fn in_words(window: Duration) -> &'static str {
    match window.as_secs() {
        60 => "a minute",
        3600 => "an hour",
        other => unreachable!("a word for {other} seconds"),
    }
}

fn codes(codes: &[Code]) -> String {
    let codes: Vec<_> = codes
        .iter()
        .map(|code| format!("`{}` ({})", code.as_str(), code.status().as_u16()))
        .collect();
    codes.join(", ")
}

fn answer(document: &Value, response: &Value) -> String {
    let mut text = response["description"].as_str().unwrap().to_owned();
    let contents = response["content"].as_object().into_iter().flatten();
    for (_, content) in contents.take(1) {
        let schema = &content["schema"];
        let name = schema["$ref"]
            .as_str()
            .and_then(|path| path.rsplit('/').next());
        if let Some(item) = name.and_then(|name| item_of_list(document, name)) {
            write!(text, ": [list](#lists) of [{item}](#{})", anchor(item)).unwrap();
        } else if name.is_some() {
            write!(text, ": {}", kind(schema)).unwrap();
        }
    }
    let fields: Vec<_> = response["headers"]
        .as_object()
        .into_iter()
        .flat_map(Map::keys)
        .map(|name| format!("`{name}`"))
        .collect();
    if !fields.is_empty() {
        write!(text, "; with {}", fields.join(", ")).unwrap();
    }
    text
}

fn parameters(operation: &Value) -> String {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let rows = parameters.map(|parameter| {
        let (place, name) = (&parameter["in"], &parameter["name"]);
        let description = parameter["description"].as_str().unwrap_or_default();
        row(
            place.as_str().unwrap(),
            name.as_str().unwrap(),
            &limits(&parameter["schema"]),
            description,
        )
    });
    rows.collect()
}

/// The schema of the body, which contains no nested objects.
fn body_schema<'a>(document: &'a Value, operation: &Value) -> Option<&'a Value> {
    let schema = operation.pointer("/requestBody/content/application~1json/schema/$ref")?;
    document.pointer(schema.as_str()?.trim_start_matches('#'))
}

fn body(document: &Value, operation: &Value) -> String {
    let Some(schema) = body_schema(document, operation) else {
        return String::new();
    };
    fields(schema, |name, kind, description| {
        row("body", name, kind, description)
    })
}

/// The description of the body as a whole.
fn about_body(document: &Value, operation: &Value) -> String {
    let Some(schema) = body_schema(document, operation) else {
        return String::new();
    };
    let is_patch = operation["requestBody"]["content"]["application/merge-patch+json"].is_object();
    let also = if is_patch {
        " (also as `application/merge-patch+json`)"
    } else {
        ""
    };
    let about = schema["description"].as_str().unwrap_or_default();
    format!("The body{also}: {about}\n\n")
}

fn fields(schema: &Value, row: impl Fn(&str, &str, &str) -> String) -> String {
    let required = |name: &str| {
        let required = schema["required"].as_array();
        required.is_some_and(|required| required.iter().any(|field| field == name))
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    // Required fields come first.
    let (first, then): (Vec<_>, Vec<_>) = properties.partition(|(name, _)| required(name));
    let rows = first.into_iter().chain(then).map(|(name, field)| {
        let mut kind = limits(field);
        if required(name) {
            kind += ", **required**";
        }
        row(
            name,
            &kind,
            field["description"].as_str().unwrap_or_default(),
        )
    });
    rows.collect()
}

fn row(place: &str, name: &str, kind: &str, description: &str) -> String {
    let description = description.trim_end_matches('.').replace('\n', " ");
    format!("| {place} | `{name}` | {kind} | {description} |\n")
}

/// Type and limits of a field.
fn limits(schema: &Value) -> String {
    let mut parts = vec![values(schema).unwrap_or_else(|| kind(schema))];
    let number = |name: &str| schema[name].as_u64();
    match (number("minLength"), number("maxLength")) {
        (Some(least), Some(most)) => parts.push(format!("{least} to {most} characters")),
        (None, Some(most)) => parts.push(format!("up to {most} characters")),
        _ => {}
    }
    if let (Some(least), Some(most)) = (number("minimum"), number("maximum")) {
        parts.push(format!("{least} to {most}"));
    }
    parts.join(", ")
}

/// The allowed values, if there are at most four.
fn values(schema: &Value) -> Option<String> {
    let values = schema["enum"].as_array()?;
    let values: Vec<_> = values
        .iter()
        .filter_map(Value::as_str)
        .map(|value| format!("`{value}`"))
        .collect();
    (values.len() <= 4).then(|| values.join(" or "))
}

/// A short name of the type, or a link to its fields.
fn kind(schema: &Value) -> String {
    if let Some(reference) = schema["$ref"].as_str() {
        let name = reference.rsplit('/').next().unwrap();
        return format!("[{name}](#{})", anchor(name));
    }
    let kinds: Vec<_> = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let words = kinds.into_iter().filter(|kind| *kind != "null");
    let words: Vec<_> = words
        .map(|kind| match (kind, schema["format"].as_str()) {
            ("string", Some("date-time")) => "time".to_owned(),
            ("string", Some("uuid")) => "id".to_owned(),
            ("string", Some("uri")) => "URL".to_owned(),
            ("string", Some("email")) => "address".to_owned(),
            ("string", _) => "text".to_owned(),
            ("integer", _) => "number".to_owned(),
            ("boolean", _) => "true or false".to_owned(),
            ("array", _) => format!("array of {}", self::kind(&schema["items"])),
            (other, _) => other.to_owned(),
        })
        .collect();
    words.join(" or ")
}

/// The default limit of a scope.
fn limit(scope: ThrottleScope) -> String {
    let rate = ThrottleLimits::default().rate(scope);
    format!("{} {}", rate.burst, in_words(rate.window))
}

/// The routes of pages.
fn pages() -> String {
    let mut text =
        "\n## Pages\n\nFor browsers; responses are HTML.\n\n| route | limit |\n| --- | --- |\n"
            .to_owned();
    for route in routes::table().filter(|route| route.is_page) {
        let limit = route.scope.map_or_else(|| "–".to_owned(), limit);
        writeln!(text, "| `{}` | {limit} |", name_of(route)).unwrap();
    }
    text
}

/// The objects in responses.
fn shapes(document: &Value) -> String {
    let mut text = "\n## Shapes\n\nObjects in responses. A field can be null if its row says so.\n\n\
                    ### Lists\n\n`items`, an array; and `next`, the `cursor` of the next page, or null on the last one.\n"
        .to_owned();
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (name, schema) in schemas {
        let is_body = schema["additionalProperties"] == false;
        if is_body || item_of_list(document, name).is_some() {
            continue;
        }
        let about = schema["description"].as_str().unwrap_or_default();
        write!(text, "\n### {name}\n\n{about}").unwrap();
        if let Some(parts) = schema.pointer("/anyOf/0/allOf").and_then(Value::as_array) {
            // The greeting: a message, and the fields of a user if there is a session.
            let parts: Vec<_> = parts.iter().map(kind).collect();
            writeln!(text, " The fields of {}.", parts.join(" and ")).unwrap();
            continue;
        }
        text += "\n\n| field | | |\n| --- | --- | --- |\n";
        text += &fields(schema, |name, kind, description| {
            let field = &schema["properties"][name];
            let kind = kind.replace(", **required**", "");
            let may_be_null = field["type"].as_array();
            let may_be_null =
                may_be_null.is_some_and(|kinds| kinds.iter().any(|kind| kind == "null"));
            let null = if may_be_null { ", or null" } else { "" };
            let description = description.trim_end_matches('.').replace('\n', " ");
            format!(
                "| `{name}` | {kind}{null} | {description}{} |\n",
                words(name, field)
            )
        });
    }
    text
}

/// The allowed values of a field that has more than four. Problem codes are in a separate document.
fn words(name: &str, field: &Value) -> String {
    match field["enum"].as_array() {
        Some(_) if name == "code" => ": [ERRORS.md](ERRORS.md)".to_owned(),
        Some(words) if words.len() > 4 => {
            let words: Vec<_> = words
                .iter()
                .map(|word| format!("`{}`", word.as_str().unwrap()))
                .collect();
            format!(": {}", words.join(", "))
        }
        _ => String::new(),
    }
}

/// The name of the items, if the schema is a page of a list.
fn item_of_list<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    let properties = &document["components"]["schemas"][name]["properties"];
    properties.get("next")?;
    let item = properties["items"]["items"]["$ref"].as_str()?;
    item.rsplit('/').next()
}

/// H-15: the stored page is the generated one.
#[test]
fn api_md_is_up_to_date() {
    let text = page(&crate::openapi_document("http://localhost:8000"));
    for route in routes::table() {
        assert!(text.contains(&format!("`{}`", name_of(route))), "{route:?}");
    }
    for code in Code::ALL {
        let is_of_routes = ![Code::MethodNotAllowed].contains(code);
        assert!(!is_of_routes || text.contains(code.as_str()), "{code:?}");
    }
    doorward_testkit::repository::assert_generated("docs/API.md", &text);
}
