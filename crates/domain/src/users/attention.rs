//! What an admin should look at, for the first page of the console: a bounded number of users.

use std::sync::Arc;

use jiff::Timestamp;

use crate::access::{Access, Action, roster};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::model::{AuditFilter, FactorSet, User, UserFilter};
use crate::store::{Order, ReadStore, Records};
use crate::values::UserId;
use crate::writer::Writer;

/// Maximum number of users in each list.
const LIMIT: usize = 5;
/// Maximum number of admins whose second factors are read.
const ADMINS: usize = 20;

/// Users that an admin should look at, at most five in each list.
#[derive(Debug)]
pub struct Attention {
    /// Users whose deletion is pending, the next one first.
    pub deletions: Vec<User>,
    /// Active admins without a second factor.
    pub admins_without_factor: Vec<User>,
    /// The newest users.
    pub newest: Vec<User>,
    /// When the last break of the audit log was found, if it was in the last 30 days.
    pub broken_at: Option<Timestamp>,
}

/// Lists what an admin should look at.
pub struct Overview {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) access: Arc<Access>,
    pub(crate) writer: Arc<Writer>,
}

impl Overview {
    /// Returns the users that an admin should look at.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn attention(&self, ctx: &Ctx) -> Result<Attention, Error> {
        self.access.authorize(ctx, Action::ListUsers).await?;
        let store = &self.store;
        let newest = UserFilter {
            order: Order::Descending,
            limit: LIMIT,
            ..UserFilter::default()
        };
        let attention = Attention {
            deletions: store.list(User::pending_deletions().limit(LIMIT)).await?,
            admins_without_factor: store.get_all(self.admins_without_factor().await?).await?,
            newest: store.list(newest.query()).await?,
            broken_at: AuditFilter::seal_broken_at(&*self.store, ctx.now).await?,
        };
        self.writer.emit_view(ctx, Event::UsersListed).await?;
        Ok(attention)
    }

    async fn admins_without_factor(&self) -> Result<Vec<UserId>, Error> {
        let admins = roster::roster(&*self.store).await?.admins;
        let mut without = Vec::new();
        for id in admins.into_iter().take(ADMINS) {
            if without.len() < LIMIT && FactorSet::of_user(&*self.store, id).await?.is_empty() {
                without.push(id);
            }
        }
        Ok(without)
    }
}
