//! A Keycloak realm export: `{"realm": "…", "users": [{…}, …], …}`, of one realm or of several.
//!
//! A password is two texts of JSON, `credentialData` (parameters) and `secretData` (salt and hash), and becomes
//! one PHC string. An authenticator app (`otp`) has the same two texts: parameters, and the secret as text, whose bytes
//! are the key unless it is base 32.

use doorward_domain::factors::{ExportedTotp, FactorName, MAX_FACTORS, TotpParameters, TotpSecret};
use doorward_domain::values::{Locale, Secret};
use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::json_fields::JsonFields;
use crate::raw_user::RawUser;
use crate::translation::Rejection;

/// Roles that all users of a realm have.
const DEFAULT_ROLES: [&str; 2] = ["offline_access", "uma_authorization"];

pub(super) fn read(value: Value) -> Result<RawUser, Rejection> {
    let mut user = JsonFields::of(value)?;
    let username = user.text("username")?;
    if user.text("serviceAccountClientId")?.is_some() {
        let program = Rejection::skipped("service-account", "This is a service account.");
        return Err(program.with_identifier(username.as_deref()));
    }
    let Some(id) = user.text("id")?.or_else(|| username.clone()) else {
        return Err(Rejection::malformed(
            "It has neither an `id` nor a `username`.",
        ));
    };
    let mut raw = RawUser::new("keycloak", "id", id);
    raw.username = username;
    raw.email = user.text("email")?;
    raw.is_confirmed = user.boolean("emailVerified")?.unwrap_or(false);
    let names = [user.text("firstName")?, user.text("lastName")?];
    let names: Vec<_> = names.into_iter().flatten().collect();
    raw.name = (!names.is_empty()).then(|| names.join(" "));
    raw.is_disabled = !user.boolean("enabled")?.unwrap_or(true);
    raw.created_at = user.timestamp_millis("createdTimestamp")?;
    raw.data = user.object("attributes")?;
    raw.locale = raw
        .data
        .get("locale")
        .and_then(first_text)
        .and_then(Locale::from_tag);
    if let Some(Value::Array(credentials)) = user.take("credentials") {
        read_credentials(&mut raw, credentials);
    }
    if let Some(Value::Array(roles)) = user.take("realmRoles") {
        read_roles(&mut raw, &roles);
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
    raw.not_imported.extend(user.remaining());
    Ok(raw)
}

fn read_roles(raw: &mut RawUser, roles: &[Value]) {
    let names: Vec<&str> = roles.iter().filter_map(Value::as_str).collect();
    raw.is_admin = names.contains(&"admin");
    let is_custom = |name: &&str| {
        !DEFAULT_ROLES.contains(name) && !name.starts_with("default-roles-") && *name != "admin"
    };
    if names.iter().any(is_custom) {
        raw.not_imported.push("realmRoles".to_owned());
    }
}

/// Takes the first password and the authenticator apps; other credentials are not imported.
fn read_credentials(raw: &mut RawUser, credentials: Vec<Value>) {
    for credential in credentials {
        let kind = credential["type"].as_str().unwrap_or("nothing").to_owned();
        match (kind.as_str(), &raw.password) {
            ("password", None) => {
                // An empty hash is rejected like any unreadable one.
                raw.password = Some(Secret::new(to_phc(credential).unwrap_or_default()));
            }
            ("password" | "password-history", _) => {}
            ("otp", _) if raw.factors.totp.len() < MAX_FACTORS => {
                match to_totp(credential, raw.created_at) {
                    Some(totp) => raw.factors.totp.push(totp),
                    None => raw.not_imported.push("sign-in by otp".to_owned()),
                }
            }
            _ => raw.not_imported.push(format!("sign-in by {kind}")),
        }
    }
}

/// An authenticator app; `None` for one with a counter (HOTP) and for unsupported parameters.
fn to_totp(credential: Value, user_created_at: Option<Timestamp>) -> Option<ExportedTotp> {
    let mut credential = JsonFields::of(credential).ok()?;
    let mut how = JsonFields(credential.object("credentialData").ok()?);
    let mut secret = JsonFields(credential.object("secretData").ok()?);
    let mut parameter = |name: &str| how.text(name).ok().flatten();
    let text = Secret::new(secret.text("value").ok()??);
    let secret = match parameter("secretEncoding") {
        None => TotpSecret::new(text.expose().clone().into_bytes()),
        Some(encoding) if encoding.eq_ignore_ascii_case("BASE32") => {
            TotpSecret::from_base32(text.expose())
        }
        Some(_) => None,
    };
    if parameter("subType")? != "totp" {
        return None;
    }
    let algorithm = match parameter("algorithm")?.as_str() {
        "HmacSHA1" => "SHA1",
        "HmacSHA256" => "SHA256",
        "HmacSHA512" => "SHA512",
        _ => return None,
    };
    let digits = parameter("digits")?.parse().ok()?;
    let period = parameter("period")?.parse().ok()?;
    let label = credential.text("userLabel").ok().flatten();
    let name = label.and_then(|label| FactorName::parse(&label).ok());
    let created_at = credential.timestamp_millis("createdDate").ok().flatten();
    Some(ExportedTotp {
        id: None,
        name: name.unwrap_or_default(),
        secret: secret?,
        parameters: TotpParameters::new(algorithm, digits, period)?,
        created_at: created_at
            .or(user_created_at)
            .unwrap_or(Timestamp::UNIX_EPOCH),
    })
}

/// The password hash as a PHC string.
fn to_phc(credential: Value) -> Option<String> {
    let mut credential = JsonFields::of(credential).ok()?;
    let mut how = JsonFields(credential.object("credentialData").ok()?);
    let mut secret = JsonFields(credential.object("secretData").ok()?);
    // Before version 8 all values were fields of the credential.
    let mut either = |new: &mut JsonFields, name: &str, old: &str| -> Option<String> {
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

/// The first value of a list: Keycloak writes lists.
fn first_text(value: &Value) -> Option<&str> {
    value
        .as_array()
        .map_or(Some(value), |items| items.first())?
        .as_str()
}
