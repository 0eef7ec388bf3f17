//! Finds a mailed link by its token.

use crate::core::Core;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::model::{Link, Purpose, User};
use crate::store::Records;
use crate::values::Token;

impl Core {
    /// Returns an unexpired link of this purpose, used or not, and its user. Fails with [`Error::LinkExpired`] if
    /// there is none.
    pub(crate) async fn find_unexpired_link(
        &self,
        ctx: &Ctx,
        token: &Token,
        purpose: Purpose,
    ) -> Result<(Link, User), Error> {
        let link = self
            .ports
            .store
            .find_readable(Link::DIGEST, &token.digest())
            .await?;
        let link = link
            .filter(|link: &Link| link.purpose == purpose && link.expires_at > ctx.now)
            .ok_or(Error::LinkExpired)?;
        let user: Option<User> = self.ports.store.get(link.user_id).await?;
        Ok((link, user.ok_or(Error::LinkExpired)?))
    }
}
