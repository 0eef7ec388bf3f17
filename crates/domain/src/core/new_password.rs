//! The writes of a new password, for a change and for a recovery.

use crate::core::Core;
use crate::ctx::Ctx;
use crate::model::{Credential, Event, MailKind, User};
use crate::store::{Batch, Write};
use crate::values::Secret;

impl Core {
    /// Returns the writes of a new password: a higher session epoch, which voids sessions and recovery links
    /// the hash, a mail and an audit event. After the batch is applied, the caller deletes the sessions.
    pub(crate) fn password_changes(
        &self,
        ctx: &Ctx,
        user: &User,
        password_hash: Secret<String>,
        event: Event,
    ) -> Batch {
        // Unless the user changes the password, a pending address change is discarded: a thief may have requested
        // it.
        let keeps_pending = event == Event::PasswordChanged || user.email.is_none();
        let changed = User {
            pending_email: user.pending_email.clone().filter(|_| keeps_pending),
            session_epoch: user.session_epoch + 1,
            version: user.version.next(),
            updated_at: ctx.now,
            ..user.clone()
        };
        let credential = Credential {
            user_id: user.id,
            password_hash,
            updated_at: ctx.now,
        };
        let mut changes = changed.replace(user);
        changes.push(Write::put(&credential));
        changes.push(self.audit(ctx, event, Some(user.id)));
        if let Some(email) = user.mail_address() {
            changes.push(self.mail(
                ctx,
                MailKind::PasswordChanged,
                Some(user.id),
                email,
                user.locale,
            ));
        }
        changes
    }
}
