//! The writes of a new password, for a change and for a recovery.

use crate::ctx::Ctx;
use crate::events::{Event, NewPasswordReason};
use crate::model::{Credential, User};
use crate::store::{Batch, Write};
use crate::values::Secret;
use crate::writer::Writer;

/// Returns the writes of a new password: a higher security epoch, which voids sessions and recovery links
/// the hash, a mail and an audit event. After the batch is applied, the caller deletes the sessions.
pub(crate) fn password_writes(
    writer: &Writer,
    ctx: &Ctx,
    user: &User,
    password_hash: Secret<String>,
    reason: NewPasswordReason,
) -> Batch {
    // Unless the user changes the password, a pending address change is discarded: a thief may have requested
    // it.
    let keeps_pending = reason == NewPasswordReason::Changed || user.email.is_none();
    let changed = User {
        pending_email: user.pending_email.clone().filter(|_| keeps_pending),
        security_epoch: user.security_epoch + 1,
        ..user.next_version(ctx.now)
    };
    let credential = Credential::password(user.id, password_hash, ctx.now);
    let mut batch = changed.replace(user);
    batch.push(Write::put(&credential));
    writer.emit(ctx, Event::PasswordSet { user, reason }, &mut batch);
    batch
}
