//! Undoes the first second factor, by the link in the mail about it (M-02).
//!
//! A thief who knows the password and adds a factor first would lock the owner out: recovery by mail leaves factors on. For
//! three days, the mailbox outranks a new factor. `links/undo.rs` has the steps. The link is void once someone has signed in
//! with password and code on a device that was known before: then the owner has the factor.

use std::sync::Arc;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::links::undo::{Undo, UndoLinks};
use crate::model::{FactorSet, Link, User};
use crate::policy::Policy;
use crate::values::Token;

/// Undoes the first second factor of an account.
pub struct FactorUndo {
    pub(crate) undo_links: Arc<UndoLinks>,
}

impl FactorUndo {
    /// Returns a valid undo link, for the page that shows what it does. Fails with [`Error::LinkExpired`] otherwise.
    #[tracing::instrument(name = "view_factor_undo", level = "trace", skip_all)]
    pub async fn view_undo(&self, ctx: &Ctx, token: &Token) -> Result<Link, Error> {
        let undo = Undo::FirstFactor;
        Ok(self.undo_links.find(ctx, token, undo).await?.0)
    }

    /// Removes all factors of the account, and uses the link. Fails with [`Error::LinkExpired`] if it is void.
    #[tracing::instrument(name = "undo_factors", level = "trace", skip_all)]
    pub async fn undo(&self, ctx: &Ctx, token: &Token) -> Result<(), Error> {
        self.undo_links.undo(ctx, token, Undo::FirstFactor).await?;
        Ok(())
    }
}

/// Returns the user with the void undo link of the first factor, if this sign-in with password and code voids it: its
/// client was known for the lifetime of the link before the factor was added, and is not the one that added it. So a
/// thief who signs in twice on one day does not void it. `docs/limits/second-factors.md` says which thief does.
pub(crate) fn voiding_factor_undo(
    policy: &Policy,
    ctx: &Ctx,
    user: &User,
    set: &FactorSet,
) -> Option<User> {
    let first = set.first_added()?;
    // The longest lifetime of an undo link: this one is shorter, but starts when a mail that may be late is sent, and
    // the void links are remembered together with those of address changes.
    let lifetime = policy.email_undo_lifetime;
    let is_recent = ctx.now.duration_since(first.at) <= lifetime;
    let mut known = ctx.client.known_to(user);
    let is_known = known.any(|device| {
        let known = (device.key(), device.signed_in_at());
        first.was_known_before((&known.0, known.1), policy.factor_undo_lifetime)
    });
    let is_open = !user.undo_link_is_void(first.at);
    (is_recent && is_known && is_open).then(|| User {
        void_undo_links: user
            .void_undo_links
            .with(first.at, first.at, ctx.now - lifetime),
        ..user.next_version(ctx.now)
    })
}
