//! A Keycloak realm export: `{"realm": "…", "users": [{…}, …], …}`, of one realm or of several.
//!
//! A password is two texts of JSON, `credentialData` (how) and `secretData` (what), and becomes
//! one PHC string.

use doorward_domain::values::{Locale, Secret};
use serde_json::{Map, Value};

use super::{Draft, Fields, Rejection};

/// Roles that every realm gives to everybody.
const EVERYBODYS_ROLES: [&str; 2] = ["offline_access", "uma_authorization"];

pub(super) fn draft(value: Value) -> Result<Draft, Rejection> {
    let mut user = Fields::of(value)?;
    let username = user.text("username")?;
    if user.text("serviceAccountClientId")?.is_some() {
        let program = Rejection::nobody("service-account", "This is a program's account.");
        return Err(program.of(username.as_deref()));
    }
    let Some(id) = user.text("id")?.or_else(|| username.clone()) else {
        return Err(Rejection::malformed(
            "There is neither an `id` nor a `username`.",
        ));
    };
    let mut draft = Draft::new("keycloak", "id", id);
    draft.username = username;
    draft.email = user.text("email")?;
    draft.is_confirmed = user.flag("emailVerified")?.unwrap_or(false);
    let names = [user.text("firstName")?, user.text("lastName")?];
    let names: Vec<_> = names.into_iter().flatten().collect();
    draft.name = (!names.is_empty()).then(|| names.join(" "));
    draft.is_disabled = !user.flag("enabled")?.unwrap_or(true);
    draft.created_at = user.millis("createdTimestamp")?;
    draft.data = user.object("attributes")?;
    draft.locale = draft
        .data
        .get("locale")
        .and_then(first_text)
        .and_then(Locale::from_tag);
    if let Some(Value::Array(credentials)) = user.take("credentials") {
        read_credentials(&mut draft, credentials);
    }
    if let Some(Value::Array(roles)) = user.take("realmRoles") {
        read_roles(&mut draft, &roles);
    }
    for name in [
        "totp",
        "disableableCredentialTypes",
        "notBefore",
        "access",
        "origin",
    ] {
        user.take(name);
    }
    draft.left_behind.extend(user.left_over());
    Ok(draft)
}

fn read_roles(draft: &mut Draft, roles: &[Value]) {
    let names: Vec<&str> = roles.iter().filter_map(Value::as_str).collect();
    draft.is_admin = names.contains(&"admin");
    let is_worth_a_word = |name: &&str| {
        !EVERYBODYS_ROLES.contains(name) && !name.starts_with("default-roles-") && *name != "admin"
    };
    if names.iter().any(is_worth_a_word) {
        draft.left_behind.push("realmRoles".to_owned());
    }
}

/// The first password; other ways to sign in have no place.
fn read_credentials(draft: &mut Draft, credentials: Vec<Value>) {
    for credential in credentials {
        let kind = credential["type"].as_str().unwrap_or("nothing").to_owned();
        match (kind.as_str(), &draft.password) {
            ("password", None) => {
                // What cannot be read at all is refused as any unreadable hash.
                draft.password = Some(Secret::new(spelled(credential).unwrap_or_default()));
            }
            ("password" | "password-history", _) => {}
            _ => draft.left_behind.push(format!("sign-in by {kind}")),
        }
    }
}

/// The password as `passwords` reads it.
fn spelled(credential: Value) -> Option<String> {
    let mut credential = Fields::of(credential).ok()?;
    let mut how = Fields(credential.object("credentialData").ok()?);
    let mut secret = Fields(credential.object("secretData").ok()?);
    // Before version 8 all of it stood side by side.
    let mut either = |new: &mut Fields, name: &str, old: &str| -> Option<String> {
        let found = new.text(name).ok()?;
        found.or(credential.text(old).ok()?)
    };
    let algorithm = either(&mut how, "algorithm", "algorithm")?;
    let rounds = either(&mut how, "hashIterations", "hashIterations")?;
    let tag = either(&mut secret, "value", "hashedSaltedValue")?;
    let salt = either(&mut secret, "salt", "salt")?;
    let scheme = match algorithm.as_str() {
        "pbkdf2" => "pbkdf2",
        "pbkdf2-sha256" => "pbkdf2-sha256",
        "pbkdf2-sha512" => "pbkdf2-sha512",
        "argon2" => {
            return argon2(
                &how.object("additionalParameters").ok()?,
                &rounds,
                &salt,
                &tag,
            );
        }
        _ => return None,
    };
    Some(format!("${scheme}$i={rounds}${salt}${tag}"))
}

fn argon2(more: &Map<String, Value>, passes: &str, salt: &str, tag: &str) -> Option<String> {
    let parameter = |name: &str| more.get(name).and_then(first_text);
    let kind = parameter("type").unwrap_or("id");
    let version = match parameter("version").unwrap_or("1.3") {
        "1.0" => "16",
        "1.3" => "19",
        _ => return None,
    };
    let (memory, lanes) = (parameter("memory")?, parameter("parallelism")?);
    Some(format!(
        "$argon2{kind}$v={version}$m={memory},t={passes},p={lanes}${salt}${tag}"
    ))
}

/// Values are lists there.
fn first_text(value: &Value) -> Option<&str> {
    value
        .as_array()
        .map_or(Some(value), |items| items.first())?
        .as_str()
}
