//! The one write verb: a list of changes in one transaction, all of it or nothing.
//!
//! To add a change: its arm in [`make`], its arms in `witness.rs`, and its function in the noun's
//! file. A function makes one
//! change by a statement whose condition decides, and answers [`ApplyError::Stale`] where it met
//! no row. What must not happen side by side takes a guard first ([`guards_of`]): an update of a
//! row of the table `guards` is a lock until the transaction's end on every database there is.

use doorward_domain::changes::{ApplyError, Change};
use doorward_domain::values::UserId;

use crate::error::Fault;
use crate::transaction::Transaction;
use crate::tries::Tries;
use crate::witness::{self, Settled};
use crate::{
    SqlStore, audit_events, audit_seals, credentials, ended_sessions, links, mail_jobs,
    signing_keys, users,
};

pub(crate) async fn apply(store: &SqlStore, changes: &[Change]) -> Result<(), ApplyError> {
    const OPERATION: &str = "apply changes";
    let mut tries = store.tries();
    // Whether an earlier try may have done it all.
    let mut in_doubt = false;
    loop {
        let fault = match try_once(store, changes, &tries).await {
            Ok(()) => return Ok(()),
            Err(fault) => fault,
        };
        if fault.is_unsettled() {
            match witness::settle(store, changes, &tries).await {
                Settled::Done => return Ok(()),
                Settled::NotDone if tries.again_after_lost_commit().await => continue,
                Settled::NotDone => return Err(fault.into_store_error(OPERATION).into()),
                Settled::MayRepeat => {
                    in_doubt = true;
                    if tries.again_after_lost_commit().await {
                        continue;
                    }
                }
                Settled::Unknown => in_doubt = true,
            }
        } else if tries.again(&fault).await {
            continue;
        }
        return Err(match fault.into_apply_error(OPERATION) {
            ApplyError::Store(error) if in_doubt => ApplyError::OutcomeUnknown(error),
            error => error,
        });
    }
}

async fn try_once(store: &SqlStore, changes: &[Change], tries: &Tries) -> Result<(), Fault> {
    let mut transaction = store.begin(tries).await?;
    let made = make_all(&mut transaction, changes).await;
    transaction.end(made).await
}

async fn make_all(transaction: &mut Transaction, changes: &[Change]) -> Result<(), Fault> {
    for guard in guards_of(changes) {
        let sql = "UPDATE guards SET counter = counter + 1 WHERE name = ?";
        transaction.execute(sql, &[guard.into()]).await?;
    }
    for change in changes {
        make(transaction, change).await?;
    }
    Ok(())
}

/// Which guards these changes take, before anything else and always in this order.
fn guards_of(changes: &[Change]) -> Vec<&'static str> {
    let has = |wanted: fn(&Change) -> bool| changes.iter().any(wanted);
    let admins = has(|change| matches!(change, Change::KeepAnAdmin)).then_some("admins");
    let keys = has(|change| matches!(change, Change::RotateSigningKey { .. })).then_some("keys");
    admins.into_iter().chain(keys).collect()
}

pub(crate) async fn make(transaction: &mut Transaction, change: &Change) -> Result<(), Fault> {
    match change {
        Change::InsertUser(user) => users::insert(transaction, user).await,
        Change::UpdateUser { user, expected } => users::update(transaction, user, *expected).await,
        Change::KeepUser(user) => users::keep(transaction, user).await,
        Change::StopGuesses { user_id, epoch } => {
            users::stop_guesses(transaction, *user_id, *epoch).await
        }
        Change::DeleteUser(id) => {
            users::delete(transaction, *id).await?;
            forget(transaction, *id).await
        }
        Change::DeletePendingUser(id) => {
            if users::delete_pending(transaction, *id).await? {
                forget(transaction, *id).await?;
            }
            Ok(())
        }
        Change::PutCredential(credential) => credentials::put(transaction, credential).await,
        Change::RehashCredential { credential, old } => {
            credentials::rehash(transaction, credential, old).await
        }
        Change::PutLink(link) => links::put(transaction, link).await,
        Change::UseLink { digest, at } => links::mark_used(transaction, digest, *at).await,
        Change::RevokeLinks(user_id, purposes) => {
            links::revoke(transaction, *user_id, purposes).await
        }
        Change::RevokeLinksSince(user_id, purpose, since) => {
            links::revoke_since(transaction, *user_id, *purpose, *since).await
        }
        Change::EnqueueMail(job) => mail_jobs::insert(transaction, job).await,
        Change::MailDone(id) => mail_jobs::delete(transaction, *id).await,
        Change::ForgetMails(email) => mail_jobs::forget(transaction, email).await,
        Change::ForgetMailsOf(email, kinds) => {
            mail_jobs::forget_of(transaction, email, kinds).await
        }
        Change::ForgetMailsSince(user_id, kind, since) => {
            mail_jobs::forget_since(transaction, *user_id, *kind, *since).await
        }
        Change::KeepMail(id) => mail_jobs::keep(transaction, *id).await,
        Change::MailRetry { id, due_at } => mail_jobs::retry(transaction, *id, *due_at).await,
        Change::ExpireMailLeases { now, until } => {
            mail_jobs::expire_leases(transaction, *now, *until).await
        }
        Change::MailFailed { id, at } => mail_jobs::fail(transaction, *id, *at).await,
        Change::RotateSigningKey { key, replaces } => {
            signing_keys::rotate(transaction, key, replaces.as_deref()).await
        }
        Change::DeleteSigningKey(kid) => signing_keys::delete(transaction, kid).await,
        Change::EndSession { user_id, id, until } => {
            ended_sessions::put(transaction, *user_id, *id, *until).await
        }
        Change::KeepAnAdmin => users::keep_an_admin(transaction).await,
        Change::Audit(event) => audit_events::insert(transaction, event).await,
        Change::Seal { seal, events } => audit_seals::insert(transaction, seal, events).await,
        Change::LetSealGo { position, let_go } => {
            audit_seals::let_go(transaction, *position, let_go).await
        }
        Change::OrderErasure(erasure) => audit_seals::order_erasure(transaction, erasure).await,
        Change::ErasePersonal(ids) => audit_seals::erase_personal(transaction, ids).await,
        Change::ErasureDone {
            user_id,
            ordered_at,
            at,
        } => audit_seals::erasure_done(transaction, *user_id, *ordered_at, *at).await,
    }
}

/// Removes all that belonged to a user who is gone. Sessions too: where they live elsewhere, the
/// table is empty.
async fn forget(transaction: &mut Transaction, id: UserId) -> Result<(), Fault> {
    for sql in [
        "DELETE FROM credentials WHERE user_id = ?",
        "DELETE FROM links WHERE user_id = ?",
        "DELETE FROM mail_jobs WHERE user_id = ?",
        "DELETE FROM sessions WHERE user_id = ?",
        "DELETE FROM ended_sessions WHERE user_id = ?",
    ] {
        transaction.execute(sql, &[id.into()]).await?;
    }
    Ok(())
}

/// For a change that must have met its row.
pub(crate) fn stale_if_none(met: u64) -> Result<(), Fault> {
    match met {
        0 => Err(Fault::Refused(ApplyError::Stale)),
        _ => Ok(()),
    }
}
