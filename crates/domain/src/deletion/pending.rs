//! Refuses a sign-in to an account that will be deleted, and cancels the deletion.

use crate::access::roster;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::{CancelledWith, Event};
use crate::model::{AuditKind, User};
use crate::store::{Batch, ReadStore};
use crate::values::Refusal;
use crate::writer::Writer;

/// Fails with [`Error::DeletionPending`] if the deletion of the account was requested. The caller has verified
/// the password, and the second factor if there is one: the error reveals the state of the account.
pub(crate) async fn ensure_no_pending_deletion(
    writer: &Writer,
    ctx: &Ctx,
    user: &User,
) -> Result<(), Error> {
    let Some(deletion) = user.deletion else {
        return Ok(());
    };
    let refused = Event::Refused {
        kind: AuditKind::SignIn,
        user_id: Some(user.id),
        reason: Refusal::DeletionPending,
    };
    writer.emit_now(ctx, refused).await?;
    Err(Error::DeletionPending { at: deletion.at })
}

/// The writes that follow from the end of the user's pending deletion; none if there is none. The caller replaces the
/// user. `with` is for the audit log.
pub(crate) async fn cancellation_writes(
    store: &dyn ReadStore,
    writer: &Writer,
    ctx: &Ctx,
    user: &User,
    with: CancelledWith,
) -> Result<Batch, Error> {
    if user.deletion.is_none() {
        return Ok(Batch::new());
    }
    let kept = User {
        deletion: None,
        ..user.clone()
    };
    let mut batch = roster::roster_change(store, Some(user), Some(&kept)).await?;
    writer.emit(ctx, Event::DeletionCancelled { user, with }, &mut batch);
    Ok(batch)
}
