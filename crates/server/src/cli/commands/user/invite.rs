//! `doorward user invite`

use anyhow::Context;
use doorward_domain::Doorward;
use doorward_domain::ctx::Ctx;
use doorward_domain::invitation::NewInvitation;
use doorward_domain::model::InvitationDelivery;
use doorward_domain::values::{EmailAddress, LanguageTag, Name, Username};
use doorward_web::UserView;
use serde_json::json;

use super::args::InviteUserArgs;
use super::{display, parse_flag, user_error};
use crate::cli::output::Output;

/// Hint if the link could not be printed.
const LINK_LOST_HINT: &str = "delete the user and invite them again";

pub(super) async fn run(
    doorward: &Doorward,
    ctx: &Ctx,
    args: InviteUserArgs,
    output: Output,
) -> anyhow::Result<()> {
    let wanted = NewInvitation {
        username: parse_flag("--username", args.username.as_deref(), Username::parse_new)?,
        email: parse_flag("--email", args.email.as_deref(), EmailAddress::parse)?,
        name: parse_flag("--name", args.name.as_deref(), Name::parse_new)?,
        role: args.role.into(),
        locale: parse_flag("--locale", args.locale.as_deref(), LanguageTag::parse)?,
        delivery: args.link.then_some(InvitationDelivery::Link),
    };
    let identifier = args.username.or(args.email).unwrap_or_default();
    let invited = doorward.invitations.invite(ctx, wanted).await;
    let invited = invited.map_err(|error| user_error(error, &identifier))?;
    let mut value = json!(UserView::from(&invited.user));
    let mut text = display::summary(&invited.user);
    match &invited.url {
        Some(url) => {
            let url = url.expose();
            value["url"] = url.clone().into();
            text += &format!("\nlink        {url}   (shown only once)");
        }
        None => text += "\nThe invitation is mailed when a server runs.",
    }
    output.print(&text, &value).context(LINK_LOST_HINT)
}
