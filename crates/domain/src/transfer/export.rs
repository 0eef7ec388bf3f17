//! Exports users with their password hashes and second factors, a page at a time, for import into another store.
//!
//! Only for the command line, since the export contains hashes and secrets. Sessions, links, mails and the audit log are not
//! exported (`docs/EXPORT-IMPORT.md`).

use std::collections::HashMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::access::ensure_operator;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::factors::ExportedFactors;
use crate::factors::transfer::FactorTransfer;
use crate::model::{Credential, LastSignIn, User, UserCursor, UserFilter};
use crate::store::{ReadStore, Records};
use crate::values::UserId;
use crate::writer::Writer;

/// A user with the password hash and the second factors. Not `Clone`: it is dropped once it is written.
#[derive(Debug)]
pub struct ExportedUser {
    /// The stored user.
    pub user: User,
    /// When the user last signed in; `None` if never.
    pub last_sign_in_at: Option<Timestamp>,
    /// The stored password hash; `None` if the user has no password.
    pub credential: Option<Credential>,
    /// The second factors, if the user has some.
    pub factors: Option<ExportedFactors>,
}

/// Exports all users.
pub struct UserExport {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) factor_transfer: Arc<FactorTransfer>,
    pub(crate) writer: Arc<Writer>,
}

impl UserExport {
    /// Returns the next users by id, at most `limit`. Fewer mean that there are no more. A change during the
    /// export is visible only in pages that are read after it.
    pub async fn export(
        &self,
        ctx: &Ctx,
        after: Option<UserId>,
        limit: usize,
    ) -> Result<Vec<ExportedUser>, Error> {
        ensure_operator(ctx)?;
        if after.is_none() {
            self.writer.emit_view(ctx, Event::UsersExported).await?;
        }
        let filter = UserFilter {
            after: after.map(UserCursor::User),
            limit,
            ..UserFilter::default()
        };
        let users: Vec<User> = self.store.list(filter.query()).await?;
        let ids: Vec<_> = users.iter().map(|user| user.id).collect();
        let mut factors = self.factor_transfer.export_factors(&ids).await?;
        let last_sign_ins = LastSignIn::times_of(&*self.store, ids.clone()).await?;
        let credentials = self.store.get_all::<Credential>(ids).await?;
        let mut credentials: HashMap<_, _> = credentials
            .into_iter()
            .map(|credential| (credential.user_id, credential))
            .collect();
        let with_credential = |user: User| ExportedUser {
            last_sign_in_at: last_sign_ins.get(&user.id).copied(),
            credential: credentials.remove(&user.id),
            factors: factors.remove(&user.id),
            user,
        };
        Ok(users.into_iter().map(with_credential).collect())
    }
}
