//! Prints users: one, or a table.

use doorward_domain::model::User;
use doorward_domain::profile::ViewedUser;
use doorward_domain::values::{EmailAddress, Username};
use doorward_web::UserView;
use serde_json::json;

use crate::cli::output::Output;
use crate::cli::text_wrap;

/// Width of the name: what id, role and status leave of 80 columns.
const NAME: usize = 25;

pub(super) fn user(viewed: &ViewedUser, output: Output) -> anyhow::Result<()> {
    let at = viewed.last_sign_in_at.map(|at| at.to_string());
    let at = at.unwrap_or_else(|| "never".to_owned());
    let text = format!("{}\nsigned in   {at}", summary(&viewed.user));
    output.print(&text, &json!(UserView::from(viewed)))
}

pub(super) fn summary(user: &User) -> String {
    let username = user.username.as_ref().map_or("-", Username::as_str);
    let email = user.email.as_ref().map_or("-", EmailAddress::as_str);
    let deletion = user.deletion.map(|deletion| deletion.at);
    let lines = [
        format!("id          {}", user.id),
        format!("username    {username}"),
        format!("email       {email}"),
        format!("role        {}", user.role.as_str()),
        format!("status      {}", user.status.as_str()),
    ];
    let deletion = deletion.map(|at| format!("deletion    {at}"));
    let lines: Vec<_> = lines.into_iter().chain(deletion).collect();
    lines.join("\n")
}

/// One line for each user. Long names are truncated, ids are not.
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
    users
        .iter()
        .map(|viewed| row(&viewed.user))
        .collect::<Vec<_>>()
        .join("\n")
}
