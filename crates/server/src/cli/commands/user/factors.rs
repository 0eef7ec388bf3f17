//! `doorward user factors` and `doorward user remove-factor`.

use doorward_domain::ctx::Ctx;
use doorward_domain::factors::{Factor, FactorList};
use doorward_domain::values::CredentialId;
use doorward_domain::{Doorward, Error};
use doorward_web::FactorListView;
use serde_json::json;

use super::args::{RemoveFactorArgs, UserArg};
use super::{find, user_error};
use crate::cli::output::Output;
use crate::cli::text_wrap;

/// Width of the name: what id, status and date leave of 80 columns.
const NAME: usize = 21;

/// Prints a user's second factors.
pub(super) async fn list(
    doorward: &Doorward,
    ctx: &Ctx,
    named: &UserArg,
    output: Output,
) -> anyhow::Result<()> {
    let factors = doorward.factors.list_by_name(ctx, &named.user).await;
    let factors = factors.map_err(|error| user_error(error, &named.user))?;
    output.print(&table(&factors), &json!(FactorListView::from(&factors)))
}

/// Removes one factor of a user, or all of them.
pub(super) async fn remove(
    doorward: &Doorward,
    ctx: &Ctx,
    args: &RemoveFactorArgs,
    output: Output,
) -> anyhow::Result<()> {
    let user = find(doorward, &args.user).await?;
    let id = args.id.as_deref().map(str::parse::<CredentialId>);
    let id = id
        .transpose()
        .map_err(|()| anyhow::anyhow!("--id: not an id of a second factor"))?;
    let which = match &args.id {
        Some(id) => format!("the second factor {id}"),
        None => "all second factors".to_owned(),
    };
    let question = format!("Remove {which} of {} and end all sessions?", args.user);
    args.confirmation.ask(&question, output)?;
    let removed = doorward.factor_removal.remove_by_name(ctx, &user, id).await;
    let removed = removed.map_err(|error| match (error, &args.id) {
        (Error::NotFound, Some(id)) => anyhow::anyhow!("{} has no second factor {id}", args.user),
        (Error::NotFound, None) => anyhow::anyhow!("{} has no second factor", args.user),
        (other, _) => user_error(other, &args.user),
    })?;
    let factors = if removed == 1 { "factor" } else { "factors" };
    output.print(
        &format!(
            "Removed {removed} second {factors} of {} and ended all sessions.",
            args.user
        ),
        &json!({"user": user, "removed": removed}),
    )
}

/// One line for each authenticator app: id, status, when it was last used, name. Then the number of recovery codes.
fn table(factors: &FactorList) -> String {
    if factors.factors.is_empty() {
        return "No second factors.".to_owned();
    }
    let row = |factor: &Factor| {
        let used_at = factor.last_used_at;
        format!(
            "{}  {:<7}  {:<10}  {}",
            factor.id,
            if factor.is_active {
                "active"
            } else {
                "pending"
            },
            used_at.map_or_else(
                || "never used".to_owned(),
                |at| at.strftime("%Y-%m-%d").to_string()
            ),
            text_wrap::truncate(&factor.name, NAME)
        )
    };
    let mut lines: Vec<_> = factors.factors.iter().map(row).collect();
    lines.extend(
        factors
            .recovery_codes
            .map(|left| format!("recovery codes  {left}")),
    );
    lines.join("\n")
}
