//! Django's `dumpdata auth.user`: `[{"model": "auth.user", "pk": 1, "fields": {…}}, …]`, or one
//! such object a line (`--format jsonl`). A user model of one's own has the fields it has.
//!
//! Addresses are not confirmed there, but new passwords are mailed to them: whoever reads the
//! mailbox has the account already. So they count as confirmed, unless told otherwise.

use doorward_domain::values::Secret;
use serde_json::Value;

use super::{Draft, Fields, Rejection};

/// A hash that no password has begins so.
const UNUSABLE: char = '!';

pub(super) fn draft(value: Value) -> Result<Draft, Rejection> {
    let mut row = Fields::of(value)?;
    let model = row.text("model")?.unwrap_or_default();
    let mut fields = Fields(row.object("fields")?);
    if !fields.0.contains_key("password") {
        let detail = format!("A row of {model} is no user.");
        return Err(Rejection::nobody("no-user", &detail));
    }
    let username = fields.text("username")?;
    let email = fields.text("email")?;
    // Without its primary key (`--natural-primary`) a row is known by its name.
    let id = row
        .text("pk")?
        .or_else(|| username.clone())
        .or_else(|| email.clone());
    let Some(id) = id else {
        return Err(Rejection::malformed("There is neither a `pk` nor a name."));
    };
    let mut draft = Draft::new("django", "pk", id);
    draft.username = username;
    draft.email = email;
    draft.is_confirmed = true;
    draft.name = name(&mut fields)?;
    draft.password = fields
        .text("password")?
        .filter(|hash| !hash.starts_with(UNUSABLE))
        .map(Secret::new);
    draft.is_admin = fields.flag("is_superuser")?.unwrap_or(false);
    draft.is_disabled = !fields.flag("is_active")?.unwrap_or(true);
    draft.created_at = fields.moment("date_joined")?;
    fields.take("last_login");
    draft.left_behind.extend(fields.left_over());
    Ok(draft)
}

fn name(fields: &mut Fields) -> Result<Option<String>, Rejection> {
    let whole = fields.text("name")?;
    let parts = [fields.text("first_name")?, fields.text("last_name")?];
    let joined: Vec<_> = parts.into_iter().flatten().collect();
    Ok(whole.or_else(|| (!joined.is_empty()).then(|| joined.join(" "))))
}
