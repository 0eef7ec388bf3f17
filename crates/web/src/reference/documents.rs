//! The OpenAPI document and the page that shows it.

use axum::body::Bytes;
use doorward_domain::values::Locale;
use minijinja::{Value, context};
use serde_json::Value as Json;

use crate::app::{App, Documents};
use crate::html::Pages;
use crate::reference::openapi;
use crate::routes;

/// The OpenAPI document of a server with this public URL.
pub fn openapi_document(public_url: &str) -> Json {
    openapi::document(public_url, &routes::handlers().collect::<Vec<_>>())
}

/// The documents of the server, built at the first request. That takes several megabytes, which an idle server does not
/// need.
///
/// glibc gives each thread its own heap and returns memory from the end of a heap only. So a thread builds the
/// documents, and only their text is copied out of its heap.
pub(crate) fn get(app: &App) -> &Documents {
    app.documents.get_or_init(|| {
        let build = || {
            let document = openapi_document(&app.doorward.policy().public_url);
            (page(&app.pages, &document), document.to_string())
        };
        let built = std::thread::scope(|scope| scope.spawn(build).join());
        let (docs, openapi) = built.expect("the document is tested");
        Documents {
            openapi: Bytes::copy_from_slice(openapi.as_bytes()),
            docs: Bytes::copy_from_slice(docs.as_bytes()),
        }
    })
}

/// The page of a document.
fn page(pages: &Pages, document: &Json) -> String {
    let info = &document["info"];
    let values = context! {
        operations => operations(document),
        api => context! { description => info["description"].as_str(), version => info["version"].as_str() },
    };
    pages.render(Locale::En, "reference/docs", values).0
}

/// The operations of a document as the reference shows them, in the order of its tags.
fn operations(document: &Json) -> Vec<Value> {
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
