//! Schemas of the OpenAPI document: constraints that the types do not express, and the bodies as forms.

use doorward_domain::model::AuditKind;
use serde_json::{Map, Value, json};

use super::patterns;
use super::problems::{self, reference};

/// Completes schemas with constraints that the types do not express.
pub(super) fn complete(schemas: &mut Map<String, Value>) {
    schemas.insert("Problem".to_owned(), problems::problem_schema());
    schemas.insert("FieldError".to_owned(), problems::field_error_schema());
    for schema in schemas.values_mut() {
        let fields = schema.get_mut("properties").and_then(Value::as_object_mut);
        fields
            .into_iter()
            .flat_map(Map::values_mut)
            .for_each(complete_field);
    }
    // `null` counts as absent, and so does an empty value in a form.
    let given = |field: &str| json!({"required": [field], "properties": {field: {"type": "string", "minLength": 1}}});
    let names = [given("username"), given("email")];
    // In an `allOf`, since generators treat an `anyOf` next to fields as a different body.
    schemas["SignUp"]["allOf"] = json!([{"anyOf": names}]);
    schemas["SignIn"]["oneOf"] = json!(names);
    for body in ["PasswordChange", "DeletionCancellation"] {
        schemas[body]["not"] = json!({"allOf": names});
    }
    schemas["AuditEvent"]["properties"]["event"]["enum"] = events();
    schemas["Activity"]["properties"]["event"]["enum"] = AuditKind::ACTIVITY
        .iter()
        .map(|event| event.as_str())
        .collect();
    // The greeting with the fields of a user, or alone.
    schemas["Home"] = json!({
        "description": "The greeting; with a session also the fields of its user, but the display name.",
        "anyOf": [{"allOf": [reference("Greeting"), reference("User")]}, reference("Greeting")],
    });
    name_lists(schemas);
    complete_bodies(schemas);
}

/// Renames `List_ITEM` to `ITEMList`.
fn name_lists(schemas: &mut Map<String, Value>) {
    let lists: Vec<_> = schemas
        .keys()
        .filter(|name| name.starts_with("List_"))
        .cloned()
        .collect();
    for name in lists {
        let item = name["List_".len()..].to_owned();
        let mut list = schemas.remove(&name).unwrap_or_default();
        list["properties"]["items"]["items"] = reference(&item);
        schemas.insert(format!("{item}List"), list);
    }
}

/// Adds the patterns of names to the bodies of requests, and each body as a form.
fn complete_bodies(schemas: &mut Map<String, Value>) {
    let name = patterns::name();
    for body in schemas
        .values_mut()
        .filter(|schema| schema["additionalProperties"] == false)
    {
        for (field, pattern) in [("username", patterns::USERNAME), ("name", &name)] {
            if let Some(field) = body["properties"].get_mut(field) {
                field["pattern"] = json!(pattern);
            }
        }
    }
    let bodies = schemas
        .iter()
        .filter(|(_, schema)| schema["additionalProperties"] == false);
    let forms: Vec<_> = bodies
        .map(|(name, schema)| (format!("{name}Form"), form_schema(schema)))
        .collect();
    schemas.extend(forms);
}

/// Replaces a pattern of words by an enumeration, which generators support. Marks an object that may have any
/// fields, since some generators assume that it has none.
pub(super) fn complete_field(field: &mut Value) {
    let words = field["pattern"]
        .as_str()
        .and_then(|pattern| pattern.strip_prefix("^(")?.strip_suffix(")$"));
    if let Some(words) = words {
        let words: Vec<_> = words.split('|').map(str::to_owned).collect();
        field["enum"] = json!(words);
        field.as_object_mut().map(|field| field.remove("pattern"));
    }
    let is_object = has_type(field, "object") && field.get("properties").is_none();
    if is_object {
        field["additionalProperties"] = json!(true);
    }
}

/// Returns `true` if a value may have this type.
fn has_type(schema: &Value, wanted: &str) -> bool {
    match &schema["type"] {
        Value::Array(types) => types.iter().any(|each| each == wanted),
        one => one == wanted,
    }
}

/// All kinds of audit events.
pub(super) fn events() -> Value {
    AuditKind::ALL.iter().map(|event| event.as_str()).collect()
}

/// The schema of a body as a form: every field is text, an object is JSON text, and an empty value replaces
/// `null`, since browsers send empty fields.
fn form_schema(schema: &Value) -> Value {
    let mut form = schema.clone();
    let is_required = |name: &str| {
        schema["required"]
            .as_array()
            .is_some_and(|required| required.iter().any(|field| field == name))
    };
    for (name, field) in form["properties"].as_object_mut().into_iter().flatten() {
        let description = field["description"].clone();
        if has_type(field, "object") {
            *field = json!({"type": "string", "contentMediaType": "application/json", "contentSchema": {"type": "object"}});
        }
        field["type"] = json!("string");
        if is_required(name) {
            field["minLength"] = json!(field["minLength"].as_u64().unwrap_or(1));
        } else {
            let mut filled = std::mem::take(field);
            filled
                .as_object_mut()
                .map(|filled| filled.remove("description"));
            *field = json!({"anyOf": [filled, {"const": ""}]});
        }
        field["description"] = description;
    }
    if let Some(data) = form.pointer_mut("/example/data") {
        *data = json!(data.to_string());
    }
    form
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A form has only texts: no `null`, no object.
    #[test]
    fn a_form_has_only_text_fields() {
        let form = form_schema(&json!({
            "required": ["password"],
            "properties": {
                "password": {"type": "string", "description": "Secret."},
                "name": {"type": ["string", "null"], "maxLength": 200, "description": "Yours."},
                "data": {"type": ["object", "null"], "description": "Any."},
            },
            "example": {"data": {"a": 1}},
        }));
        let data = json!({"type": "string", "contentMediaType": "application/json", "contentSchema": {"type": "object"}});
        let expected = json!({
            "password": {"type": "string", "minLength": 1, "description": "Secret."},
            "name": {"anyOf": [{"type": "string", "maxLength": 200}, {"const": ""}], "description": "Yours."},
            "data": {"anyOf": [data, {"const": ""}], "description": "Any."},
        });
        assert_eq!(form["properties"], expected);
        assert_eq!(form["example"]["data"], "{\"a\":1}");
    }
}
