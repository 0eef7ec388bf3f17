//! Why a user may be unable to sign in, for the page of the console. The counters of the rate limits cannot be listed, so the
//! failures are those of the audit log.

use jiff::Timestamp;

use crate::factors::FactorList;
use crate::model::{AuditEvent, AuditFilter, Credential, Lockout, User};
use crate::store::{ReadStore, Records, StoreError};

/// The failed sign-ins of a user since the last sign-in or the last new password, and the lockouts after too many wrong passwords
/// or codes.
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
    /// When codes were locked out, if no sign-in has ended that.
    pub codes_locked_out_at: Option<Timestamp>,
}

impl SignInFailures {
    /// Maximum number of failed sign-ins that are counted.
    pub const MAX: usize = 100;

    pub(crate) async fn of_user(
        store: &dyn ReadStore,
        user: &User,
        last_sign_in_at: Option<Timestamp>,
        factors: &FactorList,
    ) -> Result<Self, StoreError> {
        let password: Option<Credential> = store.get(user.id).await?;
        let since = last_sign_in_at.max(password.map(|password| password.updated_at));
        let failures = AuditFilter::failed_sign_ins(user.id, since, Self::MAX);
        let failures: Vec<AuditEvent> = store.list_readable(failures).await?;
        let is_locked_out = Lockout::is_in_force(store, user).await?;
        let lockouts: Vec<AuditEvent> = match is_locked_out {
            true => {
                let lockout = AuditFilter::lockout(user.id, AuditEvent::LOCKOUT, None);
                store.list_readable(lockout).await?
            }
            false => Vec::new(),
        };
        // A new first factor has a count of its own.
        let active = factors.factors.iter().filter(|factor| factor.is_active);
        let code_lockouts: Vec<AuditEvent> = match active.map(|factor| factor.created_at).min() {
            Some(first) => {
                let since = last_sign_in_at.max(Some(first));
                let lockout = AuditFilter::lockout(user.id, AuditEvent::CODE_LOCKOUT, since);
                store.list_readable(lockout).await?
            }
            None => Vec::new(),
        };
        Ok(Self {
            count: failures.len(),
            last: failures.into_iter().next(),
            is_locked_out,
            locked_out_at: lockouts.first().map(|event| event.at),
            codes_locked_out_at: code_lockouts.first().map(|event| event.at),
        })
    }
}
