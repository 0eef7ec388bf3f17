//! Everything about one account, for the page of the console: read together, so that a view is one audit event.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::access::{Access, Action};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::factors::FactorList;
use crate::factors::store::FactorStore;
use crate::model::{AuditEvent, AuditFilter, LastSignIn, MailJob, Session, User, actor_id};
use crate::sessions::LastSeenTimes;
use crate::store::{ReadStore, Records, StoreError};
use crate::users::{SignInFailures, mails_about};
use crate::values::UserId;
use crate::writer::Writer;

/// Number of audit events of an account that are read.
const RECENT: usize = 10;

/// Everything about an account that admins see.
#[derive(Debug)]
pub struct Account {
    /// The user.
    pub user: User,
    /// The time of the last sign-in; `None` if there was none.
    pub last_sign_in_at: Option<Timestamp>,
    /// The failed sign-ins since then, and the lockout.
    pub sign_in_failures: SignInFailures,
    /// The valid sessions, newest first.
    pub sessions: Vec<Session>,
    /// The second factors.
    pub factors: FactorList,
    /// The queued mails about the user and to the address, oldest first.
    pub mails: Vec<MailJob>,
    /// The newest sign-ins and changes.
    pub activity: Vec<AuditEvent>,
    /// The actors of the activity.
    pub people: People,
}

/// Users by id. A deleted user is not in it.
pub type People = BTreeMap<UserId, User>;

/// Shows admins everything about an account.
pub struct Accounts {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) last_seen: Arc<LastSeenTimes>,
    pub(crate) access: Arc<Access>,
    pub(crate) factor_store: Arc<FactorStore>,
    pub(crate) writer: Arc<Writer>,
}

impl Accounts {
    /// Returns everything about the user that a path names, for an admin, and writes an audit event if it is another user.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn view_account(&self, ctx: &Ctx, named: &str) -> Result<Account, Error> {
        let user = self.access.resolve(ctx, Action::ListUsers, named).await?;
        let activity = AuditFilter::activity(user.id, None, RECENT);
        let activity: Vec<AuditEvent> = self.store.list_readable(activity).await?;
        let store = &*self.store;
        let last_sign_in_at = LastSignIn::time_of(store, user.id).await?;
        let factors = self.factor_store.list_factors(ctx, &user).await?;
        let failures = SignInFailures::of_user(store, &user, last_sign_in_at, &factors);
        let account = Account {
            last_sign_in_at,
            sign_in_failures: failures.await?,
            sessions: self.last_seen.valid_sessions(ctx, &user).await?,
            factors,
            mails: mails_about(&*self.store, &user).await?,
            people: people_of(&*self.store, &activity, []).await?,
            activity,
            user,
        };
        let user_id = account.user.id;
        self.writer
            .emit_view(ctx, Event::UserViewed { user_id })
            .await?;
        Ok(account)
    }
}

/// The actors of these events and the users that they are about, and more users.
pub(crate) async fn people_of(
    store: &dyn ReadStore,
    events: &[AuditEvent],
    more: impl IntoIterator<Item = UserId>,
) -> Result<People, StoreError> {
    let ids = |event: &AuditEvent| [event.user_id, actor_id(&event.actor)];
    let mut ids: Vec<UserId> = events.iter().flat_map(ids).flatten().collect();
    ids.extend(more);
    ids.sort_unstable();
    ids.dedup();
    let users: Vec<User> = store.get_all(ids).await?;
    Ok(users.into_iter().map(|user| (user.id, user)).collect())
}
