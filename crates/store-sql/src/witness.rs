//! What became of a commit whose answer was lost.
//!
//! Most lists of changes insert a row that nobody else ever inserts: the witness. On another
//! connection it is inserted once more, and that is always rolled back. A primary key that is taken
//! says that all was committed. While the old transaction is open the insert waits for its end, since
//! both want that key. A line of the audit log that went in says that nothing was committed and
//! nothing will be, for none is let go within a day of its seal. All else may be gone by the time one looks: a worker has
//! sent the mail, say, and a list that was made again would send it twice.
//!
//! A list without a witness may have been made, and is made again where that does no harm. To add a
//! change: its arm in [`rank`], and in [`may_repeat`].

use std::time::Duration;

use doorward_domain::changes::Change;

use crate::error::Fault;
use crate::tries::Tries;
use crate::{SqlStore, apply};

/// What is known of a list whose commit was not answered.
pub(crate) enum Settled {
    /// All of it was done.
    Done,
    /// None of it, for certain.
    NotDone,
    /// Not known, and doing it again does no harm.
    MayRepeat,
    /// Not known.
    Unknown,
}

pub(crate) async fn settle(store: &SqlStore, changes: &[Change], tries: &Tries) -> Settled {
    let Some(witness) = witness(changes) else {
        return match changes.iter().all(may_repeat) {
            true => Settled::MayRepeat,
            false => Settled::Unknown,
        };
    };
    while !tries.is_over() {
        match ask(store, witness, tries).await {
            Ok(()) => return without(witness),
            Err(fault) => match fault.which_unique().as_deref() {
                Some("primary") => return Settled::Done,
                // SQLite may name the user name's index first, whoever has the name.
                Some(_) => {
                    if let Ok(found) = find(store, witness, tries).await {
                        return if found {
                            Settled::Done
                        } else {
                            without(witness)
                        };
                    }
                }
                None => tracing::debug!(?fault, "the witness of a commit was not heard"),
            },
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Settled::Unknown
}

/// What it means that the witness is not there: only where it would have stayed, a certain no.
fn without(witness: &Change) -> Settled {
    match witness {
        Change::Audit(_) => Settled::NotDone,
        _ => Settled::Unknown,
    }
}

/// Inserts the witness, and takes it back.
async fn ask(store: &SqlStore, witness: &Change, tries: &Tries) -> Result<(), Fault> {
    let mut transaction = store.begin(tries).await?;
    let inserted = apply::make(&mut transaction, witness).await;
    transaction.undo().await;
    inserted
}

/// Whether the user who is the witness is there; the old transaction is over by now.
async fn find(store: &SqlStore, witness: &Change, tries: &Tries) -> Result<bool, Fault> {
    let Change::InsertUser(user) = witness else {
        return Ok(false);
    };
    let mut held = store.pool.acquire(tries.until).await?;
    let sql = "SELECT id FROM users WHERE id = ?";
    let row = held.row(sql, &[user.id.into()], tries.until).await?;
    Ok(row.is_some())
}

fn witness(changes: &[Change]) -> Option<&Change> {
    let deletes =
        |change: &Change| matches!(change, Change::DeleteUser(_) | Change::DeletePendingUser(_));
    let deletes = changes.iter().any(deletes);
    let ranked = changes.iter().filter_map(|change| {
        let rank = rank(change)?;
        (!deletes || matches!(change, Change::Audit(_))).then_some((rank, change))
    });
    ranked
        .min_by_key(|(rank, _)| *rank)
        .map(|(_, change)| change)
}

/// The better a witness the less; none for what inserts no row of its own. What it inserts may be
/// removed by others, and by the list itself where that deletes a user.
fn rank(change: &Change) -> Option<u8> {
    match change {
        Change::Audit(_) => Some(0),
        Change::InsertUser(_) => Some(1),
        Change::PutLink(_) => Some(2),
        Change::EnqueueMail(_) => Some(3),
        // A key goes in only after the one it replaces, and a note of a session may be another's.
        Change::RotateSigningKey { .. } | Change::EndSession { .. } => None,
        Change::UpdateUser { .. }
        | Change::KeepUser(_)
        | Change::StopGuesses { .. }
        | Change::DeleteUser(_)
        | Change::DeletePendingUser(_)
        | Change::PutCredential(_)
        | Change::RehashCredential { .. }
        | Change::UseLink { .. }
        | Change::RevokeLinks(..)
        | Change::RevokeLinksSince(..)
        | Change::MailDone(_)
        | Change::ForgetMails(_)
        | Change::ForgetMailsOf(..)
        | Change::ForgetMailsSince(..)
        | Change::KeepMail(_)
        | Change::MailRetry { .. }
        | Change::ExpireMailLeases { .. }
        | Change::MailFailed { .. }
        | Change::DeleteSigningKey(_)
        | Change::KeepAnAdmin
        // Another node may have made a seal of that position.
        | Change::Seal { .. }
        | Change::LetSealGo { .. }
        | Change::OrderErasure(_)
        | Change::ErasePersonal(_)
        | Change::ErasureDone { .. } => None,
    }
}

/// Whether made twice is the same as made once, also for who asked.
fn may_repeat(change: &Change) -> bool {
    match change {
        Change::StopGuesses { .. }
        | Change::DeletePendingUser(_)
        | Change::PutCredential(_)
        | Change::RehashCredential { .. }
        | Change::RevokeLinks(..)
        | Change::RevokeLinksSince(..)
        | Change::MailDone(_)
        | Change::ForgetMails(_)
        | Change::ForgetMailsOf(..)
        | Change::ForgetMailsSince(..)
        | Change::MailRetry { .. }
        | Change::ExpireMailLeases { .. }
        | Change::MailFailed { .. }
        | Change::DeleteSigningKey(_)
        | Change::EndSession { .. }
        | Change::KeepAnAdmin
        | Change::OrderErasure(_)
        | Change::ErasePersonal(_)
        | Change::ErasureDone { .. } => true,
        Change::InsertUser(_)
        | Change::UpdateUser { .. }
        | Change::KeepUser(_)
        | Change::KeepMail(_)
        | Change::DeleteUser(_)
        | Change::PutLink(_)
        | Change::UseLink { .. }
        | Change::EnqueueMail(_)
        | Change::RotateSigningKey { .. }
        | Change::Audit(_)
        | Change::Seal { .. }
        | Change::LetSealGo { .. } => false,
    }
}
