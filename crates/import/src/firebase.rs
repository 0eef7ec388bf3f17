//! Firebase's `auth:export` as JSON: `{"users": [{"localId": "…", …}, …]}`.
//!
//! Its hashes need the parameters that the project's console shows under “Password Hash Parameters”
//! ([`crate::hash_config`]). Its ids are not UUIDs; `data.firebase.localId` contains them.

use doorward_domain::values::Secret;
use serde_json::Value;

use crate::json_fields::JsonFields;
use crate::options::ImportOptions;
use crate::raw_user::RawUser;
use crate::translation::Rejection;

/// Ways to sign in that are not another provider.
const OWN_PROVIDERS: [&str; 2] = ["password", "phone"];

pub(super) fn read(value: Value, options: &ImportOptions) -> Result<RawUser, Rejection> {
    let mut user = JsonFields::of(value)?;
    let Some(id) = user.text("localId")? else {
        return Err(Rejection::malformed("It has no `localId`."));
    };
    let mut raw = RawUser::new("firebase", "localId", id);
    raw.email = user.text("email")?;
    raw.is_confirmed = user.boolean("emailVerified")?.unwrap_or(false);
    raw.name = user.text("displayName")?;
    let (hash, salt) = (user.text("passwordHash")?, user.text("salt")?);
    raw.password = hash.map(|hash| {
        let salt = salt.unwrap_or_default();
        let spelled = options
            .firebase
            .as_ref()
            .map(|project| project.encode(&hash, &salt));
        // Without the parameters the hash is unreadable.
        Secret::new(spelled.unwrap_or_default())
    });
    raw.is_disabled = user.boolean("disabled")?.unwrap_or(false);
    raw.created_at = user.timestamp_millis("createdAt")?;
    for name in ["photoUrl", "phoneNumber"] {
        if let Some(text) = user.text(name)? {
            raw.more.insert(name.to_owned(), text.into());
        }
    }
    if let Some(Value::Array(providers)) = user.take("providerUserInfo") {
        let names = providers
            .iter()
            .filter_map(|provider| provider["providerId"].as_str());
        let others = names.filter(|name| !OWN_PROVIDERS.contains(name));
        raw.not_imported
            .extend(others.map(|name| format!("sign-in by {name}")));
    }
    for name in [
        "lastSignedInAt",
        "lastLoginAt",
        "validSince",
        "version",
        "passwordUpdatedAt",
    ] {
        user.take(name);
    }
    raw.not_imported.extend(user.remaining());
    Ok(raw)
}
