//! Prints users: one, or a table.

use doorward_domain::model::User;
use doorward_domain::users::ViewedUser;
use doorward_domain::values::{EmailAddress, Name, Username};
use doorward_web::UserView;
use jiff::Timestamp;
use serde_json::json;

use crate::cli::output::Output;
use crate::cli::{style, text_wrap};

/// Width of the name: what id, role and status leave of 80 columns.
const NAME: usize = 25;

pub(super) fn user(viewed: &ViewedUser, output: Output) -> anyhow::Result<()> {
    let at = viewed.last_sign_in_at.map(minute);
    let at = at.unwrap_or_else(|| "never".to_owned());
    let text = format!("{}\nsigned in   {at}", summary(&viewed.user));
    output.print(&text, &json!(UserView::from(viewed)))
}

/// The fields of a user, a line for each.
pub(super) fn summary(user: &User) -> String {
    let or_dash = |text: Option<&str>| Some(text.unwrap_or("-").to_owned());
    let pending = user.pending_address().map(EmailAddress::as_str);
    let lines = [
        ("id", Some(user.id.to_string())),
        (
            "username",
            or_dash(user.username.as_ref().map(Username::as_str)),
        ),
        (
            "email",
            or_dash(user.email.as_ref().map(EmailAddress::as_str)),
        ),
        ("pending", pending.map(str::to_owned)),
        ("name", or_dash(user.name.as_ref().map(Name::as_str))),
        ("role", Some(user.role.as_str().to_owned())),
        ("status", Some(user.status.as_str().to_owned())),
        ("created", Some(minute(user.created_at))),
        ("changed", Some(minute(user.updated_at))),
        (
            "deletion",
            user.deletion.map(|deletion| minute(deletion.at)),
        ),
    ];
    let lines = lines.into_iter();
    let lines = lines.filter_map(|(label, value)| value.map(|value| format!("{label:<12}{value}")));
    lines.collect::<Vec<_>>().join("\n")
}

fn minute(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M UTC").to_string()
}

/// A header, and one line for each user. Long names are truncated, ids are not.
pub(super) fn table(users: &[ViewedUser]) -> String {
    if users.is_empty() {
        return "No users.".to_owned();
    }
    let row = |user: &User| {
        let name = user.username.as_ref().map(Username::as_str);
        let email = user
            .email
            .as_ref()
            .or(user.pending_address())
            .map(EmailAddress::as_str);
        format!(
            "{}  {:<5}  {:<8}  {}",
            user.id,
            user.role.as_str(),
            user.status.as_str(),
            text_wrap::truncate(name.or(email).unwrap_or("-"), NAME)
        )
    };
    let header = format!("{:<36}  {:<5}  {:<8}  USER", "ID", "ROLE", "STATUS");
    let rows = users.iter().map(|viewed| row(&viewed.user));
    let lines = [style::heading(&header)].into_iter().chain(rows);
    lines.collect::<Vec<_>>().join("\n")
}
