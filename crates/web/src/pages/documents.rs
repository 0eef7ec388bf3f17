//! Pages for developers: the API reference and the explanations of problems.

use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::response::Html;
use minijinja::{Value, context};
use serde_json::Value as Json;

use crate::app::App;
use crate::problem::{Code, Problem};

/// The API reference, built from the OpenAPI document at the first request.
pub(crate) async fn docs(State(app): State<App>) -> Html<Bytes> {
    Html(app.documents().docs.clone())
}

/// The page with all problems.
pub(crate) async fn problems(State(app): State<App>) -> Html<String> {
    app.pages.problems(Code::ALL)
}

/// The page of one problem, which `type` links to.
pub(crate) async fn problem(
    State(app): State<App>,
    Path(code): Path<String>,
) -> Result<Html<String>, Problem> {
    let code = Code::ALL.iter().find(|known| known.as_str() == code);
    let code = code.ok_or_else(|| Problem::new(Code::NotFound))?;
    Ok(app.pages.problems(&[*code]))
}

/// The operations of a document as the reference shows them, in the order of its tags.
pub(crate) fn operations(document: &Json) -> Vec<Value> {
    let tags = document["tags"].as_array().into_iter().flatten();
    let of_tag = |tag: &Json| {
        let name = tag["name"].as_str().unwrap_or_default().to_owned();
        let mut found = Vec::new();
        for (path, item) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in item.as_object().into_iter().flatten() {
                if operation["tags"][0] == name.as_str() {
                    found.push(operation_view(document, path, method, operation));
                }
            }
        }
        context! { name, description => tag["description"].as_str(), operations => found }
    };
    tags.map(of_tag).collect()
}

fn operation_view(document: &Json, path: &str, method: &str, operation: &Json) -> Value {
    let body = operation.pointer("/requestBody/content/application~1json/schema");
    let body = body.map(|schema| resolve(document, schema));
    let required = |name: &str| {
        body.is_some_and(|body| {
            body["required"]
                .as_array()
                .is_some_and(|list| list.iter().any(|item| item == name))
        })
    };
    let fields: Vec<_> = body
        .and_then(|body| body["properties"].as_object())
        .into_iter()
        .flatten()
        .map(|(name, field)| context! { name, required => required(name), text => field["description"].as_str().unwrap_or_default(), limits => limits(field) })
        .collect();
    let parameters: Vec<_> = operation["parameters"]
        .as_array()
        .into_iter()
        .flatten()
        .map(|parameter| context! { name => parameter["name"].as_str(), place => parameter["in"].as_str(), text => parameter["description"].as_str() })
        .collect();
    let responses: Vec<_> = operation["responses"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(status, response)| context! { status, text => response["description"].as_str() })
        .collect();
    let example = body
        .map(|body| &body["example"])
        .filter(|example| !example.is_null());
    let example = example.and_then(|example| serde_json::to_string_pretty(example).ok());
    context! {
        id => format!("{method}-{path}"),
        method => method.to_ascii_uppercase(),
        path,
        summary => operation["summary"].as_str(),
        description => operation["description"].as_str(),
        needs_session => operation["security"].as_array().is_some_and(|kinds| !kinds.is_empty() && !kinds.contains(&serde_json::json!({}))),
        fields,
        parameters,
        responses,
        example,
    }
}

fn resolve<'a>(document: &'a Json, schema: &'a Json) -> &'a Json {
    let target = schema["$ref"]
        .as_str()
        .and_then(|reference| document.pointer(reference.trim_start_matches('#')));
    target.unwrap_or(schema)
}

fn limits(field: &Json) -> Option<String> {
    match (field["minLength"].as_u64(), field["maxLength"].as_u64()) {
        (Some(min), Some(max)) => Some(format!("{min} to {max} characters")),
        (None, Some(max)) => Some(format!("At most {max} characters")),
        _ => None,
    }
}
