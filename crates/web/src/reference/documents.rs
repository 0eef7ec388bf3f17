//! The OpenAPI document and the page that shows it.

use axum::body::Bytes;
use doorward_domain::values::Locale;
use minijinja::{Value, context};
use serde_json::Value as Json;

use super::contents::{
    COMMON_PROBLEMS, Operation, RULES, Section, anchor, curl, example_path, needs_session, pages,
    sections,
};
use super::objects::{Field, nested_fields};
use crate::app::{App, Documents};
use crate::http::host::is_loopback_url;
use crate::http::problem::Code;
use crate::reference::openapi;
use crate::routes;

/// The OpenAPI document of a server with this public URL and default settings.
pub fn openapi_document(public_url: &str) -> Json {
    openapi::document(public_url, &routes::handlers().collect::<Vec<_>>())
}

/// The OpenAPI document of a server with this public URL and this minimum length of passwords.
pub fn openapi_document_of(public_url: &str, min_length: usize) -> Json {
    let mut document = openapi_document(public_url);
    set_min_length(&mut document["components"]["schemas"], min_length);
    document
}

/// Sets the minimum length of new passwords.
fn set_min_length(schema: &mut Json, min_length: usize) {
    if schema
        .get("format")
        .is_some_and(|format| format == "password")
        && schema.get("minLength").is_some()
    {
        schema["minLength"] = min_length.into();
    }
    match schema {
        Json::Object(fields) => fields
            .values_mut()
            .for_each(|field| set_min_length(field, min_length)),
        Json::Array(items) => items
            .iter_mut()
            .for_each(|item| set_min_length(item, min_length)),
        _ => {}
    }
}

/// The documents of the server, built at the first request. That takes several megabytes, which an idle server does not
/// need.
///
/// glibc gives each thread its own heap and returns memory from the end of a heap only. So a thread builds the
/// documents, and only their text is copied out of its heap.
pub(crate) fn get(app: &App) -> &Documents {
    app.documents.get_or_init(|| {
        let build = || {
            let policy = app.doorward.policy();
            let min_length = policy.password_rules.min_length;
            let document = openapi_document_of(&policy.public_url, min_length);
            (page(app, &document), document.to_string())
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
fn page(app: &App, document: &Json) -> String {
    let policy = app.doorward.policy();
    let sections = sections(document, &policy.limits);
    let sections: Vec<_> = sections
        .iter()
        .map(|section| section_view(document, &policy.public_url, section))
        .collect();
    let pages: Vec<_> = pages(&policy.limits)
        .map(
            |(route, limit)| context! { name => format!("{} {}", route.method, route.path), limit },
        )
        .collect();
    let problems: Vec<_> = COMMON_PROBLEMS
        .iter()
        .map(|(when, codes)| context! { when => *when, codes => code_views(codes) })
        .collect();
    let info = &document["info"];
    let values = context! {
        sections,
        pages,
        problems,
        // On a developer's machine, the page has forms that send requests.
        may_try => is_loopback_url(&policy.public_url),
        rules => RULES.map(|(subject, rule)| context! { subject, rule }).to_vec(),
        problem => response_fields(document, "Problem"),
        api => context! { description => info["description"].as_str(), version => info["version"].as_str() },
    };
    app.pages.render(Locale::En, "reference/docs", values).0
}

fn section_view(document: &Json, public_url: &str, section: &Section<'_>) -> Value {
    let operations = section.operations.iter();
    let operations = operations.map(|operation| operation_view(document, public_url, operation));
    context! {
        name => section.name,
        id => anchor(section.name),
        about => section.about,
        operations => operations.collect::<Vec<_>>(),
    }
}

fn operation_view(document: &Json, public_url: &str, operation: &Operation<'_>) -> Value {
    let (method, path) = (&operation.route.method, operation.route.path);
    let body = operation.body.as_ref().map(|body| {
        context! {
            about => body.about,
            is_patch => body.is_patch,
            fields => request_fields(&body.fields),
            example => format!("{:#}", body.example),
        }
    });
    let responses = operation.responses.iter().map(|response| {
        let fields = response.object.map(|name| response_fields(document, name));
        let headers = texts(&response.headers);
        context! { status => response.status, about => response.about, headers, fields }
    });
    context! {
        id => format!("{}-{path}", method.as_str().to_ascii_lowercase()),
        method => method.as_str(),
        path,
        summary => operation.summary,
        description => operation.description,
        access => operation.access,
        limit => operation.limit.as_deref(),
        curl => curl(public_url, operation),
        example_path => example_path(operation),
        needs_session => needs_session(operation),
        parameters => request_fields(&operation.parameters),
        body,
        responses => responses.collect::<Vec<_>>(),
        problems => code_views(&operation.problems),
    }
}

fn request_fields(fields: &[Field<'_>]) -> Vec<Value> {
    let view = |field: &Field<'_>| {
        let required = if field.is_required { ", required" } else { "" };
        field_view(field, &format!("{}{required}", field.kind.text(code)))
    };
    fields.iter().map(view).collect()
}

/// The fields of an object in a response, with those of the objects in it.
fn response_fields(document: &Json, object: &str) -> Vec<Value> {
    let view = |field: &Field<'_>| {
        let kind = format!("{}{}", field.kind.text(code), field.alternatives());
        field_view(field, &kind)
    };
    nested_fields(document, object).iter().map(view).collect()
}

fn field_view(field: &Field<'_>, kind: &str) -> Value {
    let values = texts(&field.values);
    context! { place => field.place, name => field.name.as_str(), kind, about => field.about, values }
}

fn texts(all: &[&str]) -> Vec<Value> {
    all.iter().copied().map(Value::from).collect()
}

fn code(text: &str) -> String {
    format!("`{text}`")
}

fn code_views(codes: &[Code]) -> Vec<Value> {
    let view = |code: &Code| context! { name => code.as_str(), status => code.status().as_u16() };
    codes.iter().map(view).collect()
}
