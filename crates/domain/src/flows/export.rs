//! Export: users with their passwords, a page at a time, for another store to take.
//!
//! From the command line alone: what is given out here are hashes. Sessions, links, mails and the
//! audit log stay; `docs/EXPORT-IMPORT.md` says so to people.

use std::collections::HashMap;

use crate::accounts::Accounts;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::model::{Credential, Event, User, UserFilter};
use crate::values::UserId;

/// A user and their password. Not `Clone`: one is written and let go.
#[derive(Debug)]
pub struct ExportedUser {
    /// As kept.
    pub user: User,
    /// The password, where there is one.
    pub credential: Option<Credential>,
}

impl Accounts {
    /// The next users by id, at most `limit`; fewer mean that there are no more. What changes while
    /// the pages are read is in the page that is read after it.
    pub async fn export(
        &self,
        ctx: &Ctx,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<ExportedUser>, Error> {
        ensure_operator(ctx)?;
        if after.is_none() {
            self.write_look(ctx, Event::UsersExported, None).await?;
        }
        let filter = UserFilter {
            after,
            limit,
            ..UserFilter::default()
        };
        let users = self.ports.store.list_users(&filter).await?;
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let credentials = self.ports.store.list_credentials(&ids).await?;
        let mut credentials: HashMap<_, _> = credentials
            .into_iter()
            .map(|credential| (credential.user_id, credential))
            .collect();
        let with_credential = |user: User| ExportedUser {
            credential: credentials.remove(&user.id),
            user,
        };
        Ok(users.into_iter().map(with_credential).collect())
    }

    /// Whether a user of that id is there, for an export that goes on where one broke off.
    pub async fn is_there(&self, ctx: &Ctx, id: UserId) -> Result<bool, Error> {
        ensure_operator(ctx)?;
        Ok(self.ports.store.find_user(id).await?.is_some())
    }
}

/// Whole accounts are moved by whoever has the machine, and nobody else.
pub(crate) fn ensure_operator(ctx: &Ctx) -> Result<(), Error> {
    match ctx.actor {
        Actor::CommandLine => Ok(()),
        _ => Err(Error::Forbidden),
    }
}
