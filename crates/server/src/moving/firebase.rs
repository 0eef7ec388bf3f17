//! Firebase's `auth:export`: `{"users": [{"localId": "…", …}, …]}`, or CSV
//! ([`super::firebase_csv`]).
//!
//! Its hashes cannot be verified without what the project's console shows under “Password Hash
//! Parameters” ([`super::hash_config`]). Its ids are no UUIDs: `data.firebase.localId` has them.

use doorward_domain::values::Secret;
use serde_json::Value;

use super::{Draft, Fields, Rejection, Terms};

/// How people can be signed in there that is none of another provider's doing.
const OWN_PROVIDERS: [&str; 2] = ["password", "phone"];

pub(super) fn draft(value: Value, terms: &Terms) -> Result<Draft, Rejection> {
    let mut user = Fields::of(value)?;
    let Some(id) = user.text("localId")? else {
        return Err(Rejection::malformed("There is no `localId`."));
    };
    let mut draft = Draft::new("firebase", "localId", id);
    draft.email = user.text("email")?;
    draft.is_confirmed = user.flag("emailVerified")?.unwrap_or(false);
    draft.name = user.text("displayName")?;
    let (hash, salt) = (user.text("passwordHash")?, user.text("salt")?);
    draft.password = hash.map(|hash| {
        let salt = salt.unwrap_or_default();
        let spelled = terms
            .firebase
            .as_ref()
            .map(|project| project.spell(&hash, &salt));
        // Without the project's parameters it is a hash that nobody can read.
        Secret::new(spelled.unwrap_or_default())
    });
    draft.is_disabled = user.flag("disabled")?.unwrap_or(false);
    draft.created_at = user.millis("createdAt")?;
    for name in ["photoUrl", "phoneNumber"] {
        if let Some(text) = user.text(name)? {
            draft.more.insert(name.to_owned(), text.into());
        }
    }
    if let Some(Value::Array(providers)) = user.take("providerUserInfo") {
        let names = providers
            .iter()
            .filter_map(|provider| provider["providerId"].as_str());
        let others = names.filter(|name| !OWN_PROVIDERS.contains(name));
        draft
            .left_behind
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
    draft.left_behind.extend(user.left_over());
    Ok(draft)
}
