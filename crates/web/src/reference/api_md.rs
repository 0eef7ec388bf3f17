//! Generates `docs/API.md` from the contents of the API reference. A test compares the file, and `cargo xtask bless`
//! writes it.
//!
//! A new route, field or problem is added automatically.

use std::fmt::Write;

use doorward_domain::policy::ThrottleLimits;
use serde_json::Value;

use super::contents::{
    Body, COMMON_PROBLEMS, Operation, PAGES, RULES, Response, anchor, pages, sections,
};
use super::objects::{Field, fields, name_in, parts, resolve};
use crate::http::problem::Code;
use crate::http::route::Route;
use crate::routes;

const HEAD: &str = "# The HTTP API

Every route with its permissions, parameters, responses and errors. Generated from the code, like `doorward openapi` and
`GET /openapi.json`; a server has the same page at `/docs`, with a command for each operation. Start with [QUICK-START.md](QUICK-START.md). Every error code: [ERRORS.md](ERRORS.md).

## Ground rules

| | |
| --- | --- |
";

/// The whole page.
fn page(document: &Value) -> String {
    let limits = ThrottleLimits::default();
    let mut text = HEAD.to_owned();
    for (subject, rule) in RULES {
        writeln!(text, "| {subject} | {rule} |").unwrap();
    }
    text +=
        "\n**Problems of every route**, not repeated below. The object: [Problem](#problem).\n\n";
    for (when, problems) in COMMON_PROBLEMS {
        writeln!(text, "- {when}: {}", codes(problems)).unwrap();
    }
    for section in sections(document, &limits) {
        write!(
            text,
            "\n## {}\n\n{}\n\n| route | who | |\n| --- | --- | --- |\n",
            section.name, section.about
        )
        .unwrap();
        for operation in &section.operations {
            let name = name_of(operation.route);
            let (link, who, summary) = (anchor(&name), operation.access, operation.summary);
            writeln!(text, "| [`{name}`](#{link}) | {who} | {summary} |").unwrap();
        }
        for operation in &section.operations {
            text += &about_operation(document, operation);
        }
    }
    write!(
        text,
        "\n## {PAGES}\n\nFor browsers; responses are HTML.\n\n| route | limit |\n| --- | --- |\n"
    )
    .unwrap();
    for (route, limit) in pages(&limits) {
        let limit = limit.unwrap_or_else(|| "–".to_owned());
        writeln!(text, "| `{}` | {limit} |", name_of(route)).unwrap();
    }
    text + &objects(document)
}

fn name_of(route: &Route) -> String {
    format!("{} {}", route.method, route.path)
}

fn about_operation(document: &Value, operation: &Operation<'_>) -> String {
    let (name, summary) = (name_of(operation.route), operation.summary);
    let more = operation.description.map(|more| format!(" {more}"));
    let limit = operation.limit.as_ref().map(|limit| format!(" {limit}"));
    let mut text = format!(
        "\n### `{name}`\n\n{summary}.{}\n\nFor {}.{}\n\n",
        more.unwrap_or_default(),
        operation.access,
        limit.unwrap_or_default()
    );
    if let Some(body) = &operation.body {
        text += &about_body(body);
    }
    let in_body = operation.body.iter().flat_map(|body| &body.fields);
    let rows: String = operation
        .parameters
        .iter()
        .chain(in_body)
        .map(row)
        .collect();
    if !rows.is_empty() {
        write!(
            text,
            "| in | field | | |\n| --- | --- | --- | --- |\n{rows}\n"
        )
        .unwrap();
    }
    for response in &operation.responses {
        let (status, about) = (response.status, about_response(document, response));
        writeln!(text, "- **{status}** {about}").unwrap();
    }
    if !operation.problems.is_empty() {
        writeln!(text, "- Problems: {}", codes(&operation.problems)).unwrap();
    }
    text
}

/// The description of the body as a whole.
fn about_body(body: &Body<'_>) -> String {
    let also = if body.is_patch {
        " (also as `application/merge-patch+json`)"
    } else {
        ""
    };
    format!("The body{also}: {}\n\n", body.about)
}

fn about_response(document: &Value, response: &Response<'_>) -> String {
    let mut text = response.about.to_owned();
    if let Some(name) = response.object {
        let object = match item_of_list(document, name) {
            Some(item) => format!("[list](#lists) of {}", link(item)),
            None => link(name),
        };
        write!(text, ": {object}").unwrap();
    }
    let headers: Vec<_> = response
        .headers
        .iter()
        .map(|name| format!("`{name}`"))
        .collect();
    if !headers.is_empty() {
        write!(text, "; with {}", headers.join(", ")).unwrap();
    }
    text
}

fn codes(codes: &[Code]) -> String {
    let codes: Vec<_> = codes
        .iter()
        .map(|code| format!("`{}` ({})", code.as_str(), code.status().as_u16()))
        .collect();
    codes.join(", ")
}

fn link(object: &str) -> String {
    format!("[{object}](#{})", anchor(object))
}

/// A parameter or a field of a body.
fn row(field: &Field<'_>) -> String {
    let (place, name, kind) = (field.place, &field.name, field.kind.text(link));
    let about = field.about.replace('\n', " ");
    let is_required = if field.is_required && place == "body" {
        ", **required**"
    } else {
        ""
    };
    format!("| {place} | `{name}` | {kind}{is_required} | {about} |\n")
}

/// The objects in responses.
fn objects(document: &Value) -> String {
    let mut text = "\n## Shapes\n\nObjects in responses. A field can be null or absent if its row says so.\n\n\
                    ### Lists\n\n`items`, an array; and `next`, the `cursor` of the next page, or null on the last one.\n"
        .to_owned();
    for (name, schema) in document["components"]["schemas"].as_object().unwrap() {
        let is_body = schema["additionalProperties"] == false;
        if is_body || item_of_list(document, name).is_some() {
            continue;
        }
        let about = schema["description"].as_str().unwrap_or_default();
        write!(text, "\n### {name}\n\n{about}").unwrap();
        let parts: Vec<_> = parts(schema).into_iter().map(link).collect();
        if !parts.is_empty() {
            writeln!(text, " The fields of {}.", parts.join(" and ")).unwrap();
            continue;
        }
        text += "\n\n| field | | |\n| --- | --- | --- |\n";
        for field in fields(schema) {
            text += &row_of_object(name, &field);
        }
    }
    text
}

fn row_of_object(object: &str, field: &Field<'_>) -> String {
    let (kind, alternatives) = (field.kind.text(link), field.alternatives());
    let about = field.about.replace('\n', " ");
    let values = match field.values.join("`, `") {
        _ if object == "Problem" && field.name == "code" => ": [ERRORS.md](ERRORS.md)".to_owned(),
        values if values.is_empty() => String::new(),
        values => format!(": `{values}`"),
    };
    format!(
        "| `{}` | {kind}{alternatives} | {about}{values} |\n",
        field.name
    )
}

/// The name of the items, if the object is a page of a list.
fn item_of_list<'a>(document: &'a Value, name: &str) -> Option<&'a str> {
    let properties = &resolve(document, name)["properties"];
    properties.get("next")?;
    name_in(&properties["items"]["items"])
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
