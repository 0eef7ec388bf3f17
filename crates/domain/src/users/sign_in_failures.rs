//! Why a user may be unable to sign in, for the page of the console. The counters of the rate limits cannot be listed, so the
//! failures are those of the audit log.

use jiff::Timestamp;

use crate::model::{AuditEvent, AuditFilter, Lockout, User};
use crate::store::{ReadStore, Records, StoreError};

/// The failed sign-ins of a user since the last sign-in, and the lockout after too many wrong passwords.
#[derive(Debug)]
pub struct SignInFailures {
    /// Their number, at most [`Self::MAX`].
    pub count: usize,
    /// The newest one. Its detail is the reason.
    pub last: Option<AuditEvent>,
    /// `true` if unknown clients are locked out of the account.
    pub is_locked_out: bool,
    /// When that began, if the audit log still has the event.
    pub locked_out_at: Option<Timestamp>,
}

impl SignInFailures {
    /// Maximum number of failed sign-ins that are counted.
    pub const MAX: usize = 100;

    pub(crate) async fn of_user(
        store: &dyn ReadStore,
        user: &User,
        last_sign_in_at: Option<Timestamp>,
    ) -> Result<Self, StoreError> {
        let failures = AuditFilter::failed_sign_ins(user.id, last_sign_in_at, Self::MAX);
        let failures: Vec<AuditEvent> = store.list_readable(failures).await?;
        let is_locked_out = Lockout::is_in_force(store, user).await?;
        let lockouts: Vec<AuditEvent> = match is_locked_out {
            true => store.list_readable(AuditFilter::lockout(user.id)).await?,
            false => Vec::new(),
        };
        Ok(Self {
            count: failures.len(),
            last: failures.into_iter().next(),
            is_locked_out,
            locked_out_at: lockouts.first().map(|event| event.at),
        })
    }
}
