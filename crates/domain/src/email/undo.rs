//! Undoes an address change, by the link that was mailed to the old address.
//!
//! The link restores the old address, removes the factors and recovery codes that were added after the change or within three
//! days before it, and voids the links of this and of all later changes. `links/undo.rs` has the steps. A change by an admin has
//! no such link.

use std::sync::Arc;

use crate::ctx::Ctx;
use crate::error::Error;
use crate::links::undo::{Undo, UndoLinks};
use crate::model::Link;
use crate::values::Token;

/// Undoes address changes.
pub struct EmailUndo {
    pub(crate) undo_links: Arc<UndoLinks>,
}

impl EmailUndo {
    /// Returns a valid undo link, for the page that shows what it restores. Fails with [`Error::LinkExpired`]
    /// otherwise.
    #[tracing::instrument(name = "view_email_undo", level = "trace", skip_all)]
    pub async fn view_undo(&self, ctx: &Ctx, token: &Token) -> Result<Link, Error> {
        let undo = Undo::EmailChange;
        Ok(self.undo_links.find(ctx, token, undo).await?.0)
    }

    /// Restores the old address and uses the link. Returns `true` if that turned off two-factor sign-in. Fails with
    /// [`Error::LinkExpired`], and changes nothing, if another user has confirmed that address since.
    #[tracing::instrument(name = "undo_email_change", level = "trace", skip_all)]
    pub async fn undo_change(&self, ctx: &Ctx, token: &Token) -> Result<bool, Error> {
        self.undo_links.undo(ctx, token, Undo::EmailChange).await
    }
}
