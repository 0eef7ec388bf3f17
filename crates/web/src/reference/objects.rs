//! The objects of the API reference: the fields of requests and responses, from the schemas of the OpenAPI document.

use serde_json::Value;

/// A parameter, or a field of an object.
#[derive(Debug)]
pub(super) struct Field<'a> {
    /// `path`, `query`, `header` or `body`; empty in a response.
    pub(super) place: &'a str,
    /// Its name; that of a nested field has those of its parents: `user.id`, `items[].id`.
    pub(super) name: String,
    pub(super) kind: Kind<'a>,
    pub(super) is_required: bool,
    pub(super) may_be_null: bool,
    pub(super) about: &'a str,
    /// The allowed values, if there are more than four. Problem codes have their own list.
    pub(super) values: Vec<&'a str>,
}

/// The type of a field.
#[derive(Debug)]
pub(super) struct Kind<'a> {
    /// The type in words, such as `time` or `array of `.
    words: String,
    /// The name of the object, if it is one or an array of them.
    pub(super) object: Option<&'a str>,
    /// Bounds, such as `1 to 200`.
    bounds: Option<String>,
}

impl Kind<'_> {
    /// The type and its bounds, with the name of the object as `link` writes it.
    pub(super) fn text(&self, link: impl Fn(&str) -> String) -> String {
        let object = self.object.map_or_else(String::new, link);
        let bounds = self.bounds.iter().map(|bounds| format!(", {bounds}"));
        bounds.fold(format!("{}{object}", self.words), |text, more| text + &more)
    }
}

impl Field<'_> {
    /// What a response may have in place of the type.
    pub(super) fn alternatives(&self) -> &'static str {
        match (self.may_be_null, self.is_required) {
            (true, true) => ", or null",
            (false, true) => "",
            (true, false) => ", null or absent",
            (false, false) => ", or absent",
        }
    }
}

/// Names of the objects whose fields an object has. The greeting has those of a user if there is a session.
pub(super) fn parts(schema: &Value) -> Vec<&str> {
    let parts = schema.pointer("/anyOf/0/allOf").and_then(Value::as_array);
    parts.into_iter().flatten().filter_map(name_in).collect()
}

/// The fields of an object and of the objects in it.
pub(super) fn nested_fields<'a>(document: &'a Value, name: &str) -> Vec<Field<'a>> {
    let mut all = Vec::new();
    add_fields(document, name, "", &mut all);
    all
}

fn add_fields<'a>(document: &'a Value, name: &str, prefix: &str, all: &mut Vec<Field<'a>>) {
    let schema = resolve(document, name);
    for part in parts(schema) {
        add_fields(document, part, prefix, all);
    }
    for mut field in fields(schema) {
        field.name.insert_str(0, prefix);
        if all.iter().any(|known| known.name == field.name) {
            continue;
        }
        let inner = field.kind.object;
        let is_array = field.kind.words.starts_with("array");
        let prefix = format!("{}{}.", field.name, if is_array { "[]" } else { "" });
        all.push(field);
        if let Some(inner) = inner {
            add_fields(document, inner, &prefix, all);
        }
    }
}

/// The fields of a schema, required ones first.
pub(super) fn fields(schema: &Value) -> Vec<Field<'_>> {
    let required = |name: &str| {
        let required = schema["required"].as_array();
        required.is_some_and(|required| required.iter().any(|field| field == name))
    };
    let properties = schema["properties"].as_object().into_iter().flatten();
    let fields = properties.map(|(name, schema)| field(name, schema, required(name)));
    let (mut first, then): (Vec<_>, Vec<_>) = fields.partition(|field| field.is_required);
    first.extend(then);
    first
}

/// A field with this name and schema.
pub(super) fn field<'a>(name: &str, schema: &'a Value, is_required: bool) -> Field<'a> {
    let about = choices(schema).find_map(|schema| schema["description"].as_str());
    Field {
        place: "",
        name: name.to_owned(),
        kind: kind(schema),
        is_required,
        may_be_null: choices(schema).any(|schema| types(schema).any(|kind| kind == "null")),
        about: about.unwrap_or_default().trim_end_matches('.'),
        values: if name == "code" {
            Vec::new()
        } else {
            values(schema)
                .filter(|values| values.len() > 4)
                .unwrap_or_default()
        },
    }
}

/// The name of the object that a schema refers to.
pub(super) fn name_in(schema: &Value) -> Option<&str> {
    let reference = choices(schema).find_map(|schema| schema["$ref"].as_str());
    reference?.rsplit('/').next()
}

/// The schema with this name.
pub(super) fn resolve<'a>(document: &'a Value, name: &str) -> &'a Value {
    &document["components"]["schemas"][name]
}

/// A schema and its alternatives: an object that may be null is one of two.
fn choices(schema: &Value) -> impl Iterator<Item = &Value> {
    let choices = schema["oneOf"].as_array();
    std::iter::once(schema).chain(choices.into_iter().flatten())
}

fn types(schema: &Value) -> impl Iterator<Item = &str> {
    let (one, many) = (&schema["type"], schema["type"].as_array());
    one.as_str()
        .into_iter()
        .chain(many.into_iter().flatten().filter_map(Value::as_str))
}

fn values(schema: &Value) -> Option<Vec<&str>> {
    let values = schema["enum"].as_array()?;
    Some(values.iter().filter_map(Value::as_str).collect())
}

fn kind(schema: &Value) -> Kind<'_> {
    let object = name_in(schema).or_else(|| name_in(&schema["items"]));
    let few = values(schema).filter(|values| values.len() <= 4);
    Kind {
        words: match few {
            Some(values) => format!("`{}`", values.join("` or `")),
            None => words(schema),
        },
        object,
        bounds: bounds(schema),
    }
}

fn words(schema: &Value) -> String {
    let kind = types(schema).find(|kind| *kind != "null");
    match (kind.unwrap_or_default(), schema["format"].as_str()) {
        ("string", Some("date-time")) => "time".to_owned(),
        ("string", Some("uuid")) => "id".to_owned(),
        ("string", Some("uri")) => "URL".to_owned(),
        ("string", Some("email")) => "address".to_owned(),
        ("string", _) => "text".to_owned(),
        ("integer", _) => "number".to_owned(),
        ("boolean", _) => "true or false".to_owned(),
        ("array", _) => format!("array of {}", words(&schema["items"])),
        (other, _) => other.to_owned(),
    }
}

fn bounds(schema: &Value) -> Option<String> {
    let number = |name: &str| schema[name].as_u64();
    match (number("minLength"), number("maxLength")) {
        (Some(least), Some(most)) => return Some(format!("{least} to {most} characters")),
        (None, Some(most)) => return Some(format!("up to {most} characters")),
        _ => {}
    }
    Some(format!("{} to {}", number("minimum")?, number("maximum")?))
}
