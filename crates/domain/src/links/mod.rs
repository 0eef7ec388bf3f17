//! Mailed links: finds one by its token. `undo` has the steps of the links that undo a change.

pub(crate) mod undo;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Link, Purpose, User};
use crate::store::{ReadStore, Record, Records, readable};
use crate::values::Token;

/// Returns an unexpired link of this purpose, used or not, and its user. Fails with [`Error::LinkExpired`] if
/// there is none.
pub(crate) async fn find_unexpired_link(
    store: &dyn ReadStore,
    ctx: &Ctx,
    token: &Token,
    purpose: Purpose,
) -> Result<(Link, User), Error> {
    let digest = token.digest();
    let row = store
        .find_row(Link::TABLE, Link::DIGEST, (&digest).into())
        .await?;
    // The table has the challenges of sign-ins, too.
    let link = row.filter(|row| *row.get("purpose") == purpose.as_str().into());
    let link: Link = link
        .and_then(|row| readable(&row))
        .filter(|link: &Link| link.expires_at > ctx.now)
        .ok_or(Error::LinkExpired)?;
    let user: Option<User> = store.get(link.user_id).await?;
    Ok((link, user.ok_or(Error::LinkExpired)?))
}
