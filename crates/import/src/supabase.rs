//! Supabase Auth (GoTrue): the rows of `auth.users`, as the SQL editor exports them. Ids are UUIDs and stay the
//! same, since other tables refer to them.
//!
//! Users can change `raw_user_meta_data` themselves, so it becomes `data`. They cannot change
//! `raw_app_meta_data`, so it is not imported.

use doorward_domain::values::{Name, Secret};
use serde_json::{Map, Value};

use crate::json_fields::JsonFields;
use crate::options::ImportOptions;
use crate::raw_user::RawUser;
use crate::translation::Rejection;

/// Columns that are temporary, the same for all users, or redundant.
const IGNORED: &[&str] = &[
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

pub(super) fn read(value: Value, options: &ImportOptions) -> Result<RawUser, Rejection> {
    let mut row = JsonFields::of(value)?;
    // CSV has an empty text or `null` for a missing value.
    row.0
        .retain(|_, value| !matches!(value.as_str(), Some("" | "null" | "NULL")));
    let Some(id) = row.text("id")? else {
        return Err(Rejection::malformed("It has no `id`."));
    };
    let email = row.text("email")?;
    if row.timestamp("deleted_at")?.is_some() {
        let deleted = Rejection::skipped("deleted", "The user was deleted in Supabase.");
        return Err(deleted.with_identifier(Some(email.as_deref().unwrap_or(&id))));
    }
    let mut raw = RawUser::new("supabase", "id", id);
    raw.is_confirmed =
        row.timestamp("email_confirmed_at")?.is_some() || row.timestamp("confirmed_at")?.is_some();
    raw.email = email;
    raw.password = row.text("encrypted_password")?.map(Secret::new);
    raw.is_admin = row.boolean("is_super_admin")?.unwrap_or(false);
    raw.is_disabled = is_banned(&mut row, options)?;
    raw.created_at = row.timestamp("created_at")?;
    raw.updated_at = row.timestamp("updated_at")?;
    raw.data = row.object("raw_user_meta_data")?;
    raw.name = name(&raw.data);
    if let Some(phone) = row.text("phone")? {
        raw.more.insert("phone".to_owned(), phone.into());
    }
    let mut app = row.object("raw_app_meta_data")?;
    app.remove("provider");
    app.remove("providers");
    if !app.is_empty() {
        raw.not_imported.push("raw_app_meta_data".to_owned());
    }
    for name in ["is_sso_user", "is_anonymous"] {
        if row.boolean(name)? == Some(true) {
            raw.not_imported.push(name.to_owned());
        }
    }
    for name in IGNORED {
        row.take(name);
    }
    raw.not_imported.extend(row.remaining());
    Ok(raw)
}

/// A permanent ban ends at `infinity`.
fn is_banned(row: &mut JsonFields, options: &ImportOptions) -> Result<bool, Rejection> {
    if row.0.get("banned_until").and_then(Value::as_str) == Some("infinity") {
        row.take("banned_until");
        return Ok(true);
    }
    Ok(row
        .timestamp("banned_until")?
        .is_some_and(|until| until > options.now))
}

/// The name as providers write it. `data` keeps it, so that an invalid one is not lost.
fn name(data: &Map<String, Value>) -> Option<String> {
    let names = ["full_name", "name", "display_name"];
    let mut found = names.iter().filter_map(|key| data.get(*key)?.as_str());
    found
        .find(|name| Name::parse(name).is_ok())
        .map(str::to_owned)
}
