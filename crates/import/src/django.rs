//! Django's `dumpdata auth.user`: `[{"model": "auth.user", "pk": 1, "fields": {…}}, …]`, or one such object per
//! line (`--format jsonl`). A custom user model may have other fields.
//!
//! Django does not confirm addresses but mails password resets to them, so the owner of the mailbox already
//! controls the account. Its addresses count as confirmed unless `--email-status` is set.

use doorward_domain::values::Secret;
use serde_json::Value;

use crate::json_fields::JsonFields;
use crate::raw_user::RawUser;
use crate::translation::Rejection;

/// First character of a hash that matches no password.
const UNUSABLE: char = '!';

pub(super) fn read(value: Value) -> Result<RawUser, Rejection> {
    let mut row = JsonFields::of(value)?;
    let model = row.text("model")?.unwrap_or_default();
    let mut fields = JsonFields(row.object("fields")?);
    if !fields.0.contains_key("password") {
        let detail = format!("A row of {model} is not a user.");
        return Err(Rejection::skipped("no-user", &detail));
    }
    let username = fields.text("username")?;
    let email = fields.text("email")?;
    // `--natural-primary` leaves the primary key out.
    let id = row
        .text("pk")?
        .or_else(|| username.clone())
        .or_else(|| email.clone());
    let Some(id) = id else {
        return Err(Rejection::malformed("It has neither a `pk` nor a name."));
    };
    let mut raw = RawUser::new("django", "pk", id);
    raw.username = username;
    raw.email = email;
    raw.is_confirmed = true;
    raw.name = name(&mut fields)?;
    raw.password = fields
        .text("password")?
        .filter(|hash| !hash.starts_with(UNUSABLE))
        .map(Secret::new);
    raw.is_admin = fields.boolean("is_superuser")?.unwrap_or(false);
    raw.is_disabled = !fields.boolean("is_active")?.unwrap_or(true);
    raw.created_at = fields.timestamp("date_joined")?;
    fields.take("last_login");
    raw.not_imported.extend(fields.remaining());
    Ok(raw)
}

fn name(fields: &mut JsonFields) -> Result<Option<String>, Rejection> {
    let whole = fields.text("name")?;
    let parts = [fields.text("first_name")?, fields.text("last_name")?];
    let joined: Vec<_> = parts.into_iter().flatten().collect();
    Ok(whole.or_else(|| (!joined.is_empty()).then(|| joined.join(" "))))
}
