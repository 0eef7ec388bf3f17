//! The OpenAPI document: complete and correct.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use doorward_domain::factors::FactorName;
use doorward_domain::sessions::Audience;
use doorward_domain::values::{EmailAddress, Name, Password, Username};
use doorward_web::Code;
use doorward_web::routes::{Route, table};
use serde_json::{Value, json};

use crate::support::{Client, FORM, OTHER_PASSWORD, PASSWORD, PUBLIC_URL, TestApp};

fn document() -> Value {
    doorward_web::openapi_document(PUBLIC_URL)
}

fn walk<'a>(value: &'a Value, visit: &mut impl FnMut(&'a str, &'a Value)) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                visit(name, value);
                walk(value, visit);
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, visit)),
        _ => {}
    }
}

fn operations(document: &Value) -> impl Iterator<Item = (&String, &String, &Value)> {
    let paths = document["paths"].as_object().unwrap();
    paths.iter().flat_map(|(path, item)| {
        item.as_object()
            .unwrap()
            .iter()
            .map(move |(method, operation)| (path, method, operation))
    })
}

fn schema<'a>(document: &'a Value, name: &str) -> &'a Value {
    let schema = &document["components"]["schemas"][name];
    assert!(schema.is_object(), "{name}");
    schema
}

/// H-15.
#[test]
fn every_reference_resolves_and_every_operation_is_complete() {
    let document = document();
    walk(&document, &mut |name, value| {
        if name == "$ref" {
            let target = value.as_str().unwrap().strip_prefix('#').unwrap();
            assert!(document.pointer(target).is_some(), "{target}");
        }
    });
    let mut ids = BTreeSet::new();
    for (path, method, operation) in operations(&document) {
        let place = format!("{method} {path}");
        assert!(
            ids.insert(operation["operationId"].as_str().unwrap()),
            "{place}"
        );
        assert!(
            !operation["summary"].as_str().unwrap().is_empty(),
            "{place}"
        );
        let responses = operation["responses"].as_object().unwrap();
        assert!(
            responses
                .keys()
                .any(|status| status.starts_with(['2', '3'])),
            "{place}"
        );
        assert!(
            responses
                .values()
                .all(|response| !response["description"].as_str().unwrap().is_empty()),
            "{place}"
        );
        assert!(
            responses.contains_key("500") && responses.contains_key("503"),
            "{place}"
        );
        let tag = &operation["tags"][0];
        assert!(
            document["tags"]
                .as_array()
                .unwrap()
                .iter()
                .any(|known| known["name"] == *tag),
            "{place}"
        );
        let named: BTreeSet<_> = path
            .split('{')
            .skip(1)
            .map(|rest| rest.split('}').next().unwrap())
            .collect();
        let listed = operation["parameters"].as_array().into_iter().flatten();
        let listed: BTreeSet<_> = listed
            .filter(|parameter| parameter["in"] == "path")
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        assert_eq!(named, listed, "{place}");
        assert!(operation["security"].is_array(), "{place}");
    }
}

#[test]
fn every_problem_is_documented_at_the_operations_that_return_it() {
    let document = document();
    let listed = schema(&document, "Problem")["properties"]["code"]["enum"]
        .as_array()
        .unwrap();
    let known: Vec<_> = Code::ALL.iter().map(|code| json!(code.as_str())).collect();
    assert_eq!(listed, &known);
    let mut shown = BTreeSet::new();
    for (_, _, operation) in operations(&document) {
        for (status, response) in operation["responses"].as_object().unwrap() {
            let examples = response.pointer("/content/application~1problem+json/examples");
            for (code, example) in examples.and_then(Value::as_object).into_iter().flatten() {
                let place = example["$ref"].as_str().unwrap().trim_start_matches('#');
                let example = document.pointer(place).unwrap();
                assert_eq!(&example["value"]["status"].to_string(), status);
                assert_eq!(
                    example["value"]["type"],
                    format!("{PUBLIC_URL}/problems/{code}")
                );
                shown.insert(code.as_str());
            }
        }
    }
    // `method-not-allowed` belongs to no operation.
    let missing: Vec<_> = Code::ALL
        .iter()
        .map(|code| code.as_str())
        .filter(|code| !shown.contains(code))
        .collect();
    assert_eq!(missing, ["method-not-allowed"]);
}

#[test]
fn documented_lengths_match_the_rules() {
    let document = document();
    for (name, field, length) in [
        ("SignUp", "username", Username::MAX_LENGTH),
        ("SignUp", "email", EmailAddress::MAX_LENGTH),
        ("SignUp", "password", Password::MAX_LENGTH),
        ("SignUp", "name", Name::MAX_LENGTH),
        ("SignIn", "username", Username::MAX_LENGTH),
        ("SignIn", "email", EmailAddress::MAX_LENGTH),
        ("SignIn", "password", Password::MAX_LENGTH),
        ("Profile", "name", Name::MAX_LENGTH),
        ("EmailChange", "email", EmailAddress::MAX_LENGTH),
        ("EmailChange", "password", Password::MAX_LENGTH),
        ("PasswordChange", "current_password", Password::MAX_LENGTH),
        ("PasswordChange", "new_password", Password::MAX_LENGTH),
        ("PasswordChange", "username", Username::MAX_LENGTH),
        ("PasswordChange", "email", EmailAddress::MAX_LENGTH),
        ("Recovery", "new_password", Password::MAX_LENGTH),
        ("MailRequest", "email", EmailAddress::MAX_LENGTH),
        ("AudienceRequest", "audience", Audience::MAX_LENGTH),
        ("NewFactor", "name", FactorName::MAX_LENGTH),
        ("NewFactor", "password", Password::MAX_LENGTH),
        ("Proof", "password", Password::MAX_LENGTH),
    ] {
        assert_eq!(
            schema(&document, name)["properties"][field]["maxLength"],
            json!(length),
            "{name}.{field}"
        );
    }
    for (name, field) in [
        ("SignUp", "password"),
        ("PasswordChange", "new_password"),
        ("Recovery", "new_password"),
    ] {
        assert_eq!(
            schema(&document, name)["properties"][field]["minLength"],
            8,
            "{name}.{field}"
        );
    }
}

/// An id of sixteen bytes in base64url, whose last letter has two bits. The list of users can continue at a search word, in
/// hexadecimal digits.
#[test]
fn the_document_has_the_form_of_each_cursor() {
    let document = document();
    let parameters = operations(&document)
        .filter_map(|(_, _, operation)| operation["parameters"].as_array())
        .flatten();
    let mut cursors: Vec<_> = parameters
        .filter(|parameter| parameter["name"] == "cursor")
        .map(|parameter| parameter["schema"]["pattern"].as_str().unwrap())
        .collect();
    cursors.sort_unstable();
    let (word, id) = ("^([0-9a-f]{2}){16,}$", "^[A-Za-z0-9_-]{21}[AQgw]$");
    assert_eq!(cursors, [word, id, id, id, id, id]);
}

/// The Postman collection requests each route for programs, and two that do not exist.
#[test]
fn the_collection_requests_each_route() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../clients/doorward.postman_collection.json"
    );
    let collection: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    let mut asked = BTreeSet::new();
    let folders = collection["item"].as_array().unwrap();
    for request in folders.iter().flat_map(|f| f["item"].as_array().unwrap()) {
        let name = request["name"].as_str().unwrap();
        let (method, rest) = name.split_once(' ').unwrap();
        let route = rest.split([' ', ':']).next().unwrap();
        assert_eq!(request["request"]["method"], method, "{name}");
        let url = &request["request"]["url"];
        let url = url.as_str().or(url["raw"].as_str()).unwrap();
        let path = url.strip_prefix("{{baseUrl}}").unwrap();
        let path = path.split('?').next().unwrap();
        // Path variables are `:user` there and `{user}` here.
        let path: Vec<_> = path
            .split('/')
            .map(|part| match part.strip_prefix(':') {
                Some(variable) => format!("{{{variable}}}"),
                None => part.to_owned(),
            })
            .collect();
        assert_eq!(path.join("/"), route, "{name}");
        assert!(
            !request["request"]["description"]
                .as_str()
                .unwrap()
                .is_empty()
        );
        asked.insert(format!("{method} {route}"));
    }
    let name = |route: &Route| format!("{} {}", route.method, route.path);
    let there: BTreeSet<_> = table().map(name).collect();
    let beyond: Vec<_> = asked.difference(&there).collect();
    assert_eq!(beyond, ["DELETE /healthz", "GET /nowhere"]);
    let of_programs: BTreeSet<_> = table().filter(|route| !route.is_page).map(name).collect();
    let missing: Vec<_> = of_programs.difference(&asked).collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// Code generators use what they find: fixed values are enumerations, and open objects are marked as such.
#[test]
fn fixed_values_are_enumerations_and_open_objects_are_marked() {
    let document = document();
    let user = &schema(&document, "User")["properties"];
    assert_eq!(user["role"]["enum"], json!(["user", "admin"]));
    assert_eq!(
        user["status"]["enum"],
        json!(["pending", "active", "disabled"])
    );
    assert_eq!(user["data"]["additionalProperties"], true);
    walk(&document, &mut |name, value| {
        let is_words = |text: &str| text.starts_with("^(") && text.contains('|');
        assert!(
            name != "pattern" || !value.as_str().is_some_and(is_words),
            "{value}"
        );
        assert!(
            name != "schema" && name != "$ref" || !value.to_string().contains("List_"),
            "{value}"
        );
    });
}

/// `additionalProperties` is false, and unknown fields are rejected.
#[test]
fn every_body_rejects_unknown_fields_and_is_documented_as_a_form() {
    let document = document();
    let mut bodies = 0;
    for (path, method, operation) in operations(&document) {
        let Some(content) = operation
            .pointer("/requestBody/content")
            .and_then(Value::as_object)
        else {
            continue;
        };
        bodies += 1;
        assert!(
            content.contains_key("application/json") && content.contains_key(FORM),
            "{method} {path}"
        );
        for body in content.values() {
            let name = body["schema"]["$ref"]
                .as_str()
                .unwrap()
                .rsplit('/')
                .next()
                .unwrap();
            assert_eq!(
                schema(&document, name)["additionalProperties"],
                false,
                "{name}"
            );
        }
    }
    assert!(bodies >= 15);
}

/// The example of the body that a route requires.
pub fn example_of_body(route: &Route) -> Option<Value> {
    static DOCUMENT: LazyLock<Value> = LazyLock::new(document);
    let method = route.method.as_str().to_lowercase();
    let body = &DOCUMENT["paths"][route.path][method]["requestBody"];
    let content = body["content"].as_object()?;
    let reference = content["application/json"]["schema"]["$ref"].as_str()?;
    let name = reference.rsplit('/').next()?;
    (body["required"] == true).then(|| schema(&DOCUMENT, name)["example"].clone())
}

#[tokio::test]
async fn every_example_of_a_body_is_accepted() {
    let app = TestApp::new().await;
    let admin = app.admin().await;
    app.user("eve").await;
    let document = document();
    for (path, method, operation) in operations(&document) {
        let Some(reference) =
            operation.pointer("/requestBody/content/application~1json/schema/$ref")
        else {
            continue;
        };
        let name = reference.as_str().unwrap().rsplit('/').next().unwrap();
        let example = &schema(&document, name)["example"];
        assert!(
            example
                .as_object()
                .unwrap()
                .values()
                .all(|value| !value.is_null()),
            "{name}"
        );
        let client = app.anonymous();
        let client = if matches!(
            path.as_str(),
            "/password" | "/user/{user}/email" | "/user/{user}" | "/auth/token"
        ) {
            client.with_token(app.sign_in("eve").await.token())
        } else {
            client.with_token(admin.token())
        };
        let me = if path.ends_with("/role") || path.ends_with("/status") {
            "eve"
        } else {
            "me"
        };
        let filled = path
            .replace("{user}", me)
            .replace("{token}", &"A".repeat(43));
        let answer = client
            .request(&method.to_uppercase(), &filled)
            .json(example)
            .send()
            .await;
        assert!(
            !matches!(answer.status, 400 | 413 | 415 | 422),
            "{method} {path}: {}",
            answer.text()
        );
        app.advance_seconds(180);
    }
    app.allow_unread_mail();
}

/// Asserts that a response has the fields that its schema requires, and no others.
fn assert_fits(document: &Value, name: &str, value: &Value) {
    let schema = schema(document, name);
    let fields = schema["properties"].as_object().unwrap();
    for (field, value) in value.as_object().unwrap() {
        assert!(fields.contains_key(field), "{name} has no {field}");
        let of = &fields[field];
        if let Some(reference) = of["$ref"].as_str() {
            assert_fits(document, reference.rsplit('/').next().unwrap(), value);
        }
        let kinds = match &of["type"] {
            Value::String(kind) => vec![kind.as_str()],
            Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
            _ => continue,
        };
        let kind = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        assert!(
            kinds.contains(&kind),
            "{name}.{field} is {kind}, not {kinds:?}"
        );
    }
    for field in schema["required"].as_array().into_iter().flatten() {
        assert!(
            value.get(field.as_str().unwrap()).is_some(),
            "{name} lacks {field}"
        );
    }
}

async fn json_of(client: &Client, path: &str) -> Value {
    client.get(path).await.expect(200).json()
}

#[tokio::test]
async fn responses_match_their_schemas() {
    let app = TestApp::new().await;
    let document = document();
    let admin = app.admin().await;
    let pending = json!({"email": "eve@example.com", "password": PASSWORD});
    let pending = app
        .anonymous()
        .post("/user", pending)
        .await
        .expect(201)
        .json();
    assert_fits(&document, "User", &pending);
    assert_fits(&document, "User", &json_of(&admin, "/user/me").await);
    assert_fits(&document, "CurrentSession", &json_of(&admin, "/auth").await);
    let sessions = json_of(&admin, "/user/me/session").await;
    assert_fits(&document, "Session", &sessions["items"][0]);
    let audit = json_of(&admin, "/audit").await;
    for event in audit["items"].as_array().unwrap() {
        assert_fits(&document, "AuditEvent", event);
    }
    let mails = json_of(&admin, "/outbox").await;
    assert_fits(&document, "QueuedMail", &mails["items"][0]);
    let path = format!("/outbox/{}", mails["items"][0]["id"].as_str().unwrap());
    assert_fits(&document, "ViewedMail", &json_of(&admin, &path).await);
    let keys = json_of(&admin, "/signing-key").await;
    assert_fits(&document, "SigningKeyList", &keys);
    assert_fits(&document, "SigningKey", &keys["items"][0]);
    crate::nodes::report(&app, "one", "0.1.0").await;
    let nodes = json_of(&admin, "/node").await;
    assert_fits(&document, "NodeList", &nodes);
    assert_fits(&document, "Node", &nodes["items"][0]);
    let operator = app.ctx(doorward_domain::Actor::CommandLine);
    let verified = app.doorward.audit_chain.verify(&operator, &[], &[]).await;
    verified.unwrap();
    let audit = json_of(&admin, "/audit/status").await;
    assert_fits(&document, "AuditStatus", &audit);
    assert_fits(&document, "AuditVerification", &audit["verified"]);
    let totals = json_of(&admin, "/totals").await;
    assert_fits(&document, "TotalsList", &totals);
    assert_fits(&document, "Totals", &totals["items"][0]);
    let signed_in = app
        .anonymous()
        .post("/auth", json!({"username": "root", "password": PASSWORD}))
        .await
        .json();
    assert_fits(&document, "SignedIn", &signed_in);
    let token = admin
        .post("/auth/token", json!({"audience": "x"}))
        .await
        .expect(200)
        .json();
    assert_fits(&document, "AudienceToken", &token);
    let jwks = json_of(&admin, "/.well-known/jwks.json").await;
    assert_fits(&document, "Jwks", &jwks);
    assert_fits(&document, "Jwk", &jwks["keys"][0]);
    let problem = app
        .anonymous()
        .post(
            "/auth",
            json!({"username": "root", "password": OTHER_PASSWORD}),
        )
        .await
        .json();
    assert_fits(&document, "Problem", &problem);
    assert_fits(
        &document,
        "Problem",
        &app.anonymous().post("/auth", json!({})).await.json(),
    );
    assert_fits(&document, "Health", &json_of(&admin, "/healthz").await);
    let begun = admin.post("/user/me/factor", json!({"kind": "totp"})).await;
    let begun = begun.expect(201).json();
    assert_fits(&document, "Enrolment", &begun);
    let path = format!("/user/me/factor/{}", begun["id"].as_str().unwrap());
    let first = json!({"code": crate::factors::code(&app, &begun)});
    let enrolled = admin.post(&path, first).await.expect(200).json();
    assert_fits(&document, "Enrolled", &enrolled);
    let factors = json_of(&admin, "/user/me/factor").await;
    for factor in factors["items"].as_array().unwrap() {
        assert_fits(&document, "Factor", factor);
    }
    let next = app.anonymous();
    let next = next.post("/auth", json!({"username": "root", "password": PASSWORD}));
    assert_fits(&document, "NextFactor", &next.await.expect(200).json());
    app.allow_unread_mail();
}
