//! Supabase Auth (GoTrue): the rows of `auth.users`, as the SQL editor exports them. Ids are UUIDs,
//! and kept, since other tables refer to them.
//!
//! `raw_user_meta_data` is what people may change themselves, as `data` is here; what they may not,
//! `raw_app_meta_data`, has no place.

use doorward_domain::values::{Name, Secret};
use serde_json::{Map, Value};

use super::{Draft, Fields, Rejection, Terms};

/// What is of the moment, of every user alike, or said by another column already.
const PASSING: &[&str] = &[
    "instance_id",
    "aud",
    "role",
    "invited_at",
    "confirmed_at",
    "confirmation_token",
    "confirmation_sent_at",
    "recovery_token",
    "recovery_sent_at",
    "email_change_token",
    "email_change_token_new",
    "email_change_token_current",
    "email_change_sent_at",
    "email_change_confirm_status",
    "last_sign_in_at",
    "phone_confirmed_at",
    "phone_change_token",
    "phone_change_sent_at",
    "reauthentication_token",
    "reauthentication_sent_at",
];

pub(super) fn draft(value: Value, terms: &Terms) -> Result<Draft, Rejection> {
    let mut row = Fields::of(value)?;
    // CSV spells what is not there as nothing, or as `null`.
    row.0
        .retain(|_, value| !matches!(value.as_str(), Some("" | "null" | "NULL")));
    let Some(id) = row.text("id")? else {
        return Err(Rejection::malformed("There is no `id`."));
    };
    let email = row.text("email")?;
    if row.moment("deleted_at")?.is_some() {
        let deleted = Rejection::nobody("deleted", "This user was deleted there.");
        return Err(deleted.of(Some(email.as_deref().unwrap_or(&id))));
    }
    let mut draft = Draft::new("supabase", "id", id);
    draft.is_confirmed =
        row.moment("email_confirmed_at")?.is_some() || row.moment("confirmed_at")?.is_some();
    draft.email = email;
    draft.password = row.text("encrypted_password")?.map(Secret::new);
    draft.is_admin = row.flag("is_super_admin")?.unwrap_or(false);
    draft.is_disabled = is_banned(&mut row, terms)?;
    draft.created_at = row.moment("created_at")?;
    draft.updated_at = row.moment("updated_at")?;
    draft.data = row.object("raw_user_meta_data")?;
    draft.name = name(&draft.data);
    if let Some(phone) = row.text("phone")? {
        draft.more.insert("phone".to_owned(), phone.into());
    }
    let mut app = row.object("raw_app_meta_data")?;
    app.remove("provider");
    app.remove("providers");
    if !app.is_empty() {
        draft.left_behind.push("raw_app_meta_data".to_owned());
    }
    for name in ["is_sso_user", "is_anonymous"] {
        if row.flag(name)? == Some(true) {
            draft.left_behind.push(name.to_owned());
        }
    }
    for name in PASSING {
        row.take(name);
    }
    draft.left_behind.extend(row.left_over());
    Ok(draft)
}

/// Banned for good is banned until `infinity`.
fn is_banned(row: &mut Fields, terms: &Terms) -> Result<bool, Rejection> {
    if row.0.get("banned_until").and_then(Value::as_str) == Some("infinity") {
        row.take("banned_until");
        return Ok(true);
    }
    Ok(row
        .moment("banned_until")?
        .is_some_and(|until| until > terms.now))
}

/// As providers write it. It stays in `data` too, so that one which is none is not lost.
fn name(data: &Map<String, Value>) -> Option<String> {
    let names = ["full_name", "name", "display_name"];
    let mut found = names.iter().filter_map(|key| data.get(*key)?.as_str());
    found
        .find(|name| Name::parse(name).is_ok())
        .map(str::to_owned)
}
