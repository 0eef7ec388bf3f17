//! Completes a sign-in: creates its session once all required factors are verified.

use std::sync::Arc;

use jiff::Timestamp;

use crate::ctx::Ctx;
use crate::deletion::ensure_no_pending_deletion;
use crate::devices::{SignInDevices, SignInHistory};
use crate::error::{Error, chain};
use crate::events::Event;
use crate::model::AuthMethod;
use crate::passwords::attempts::PasswordAttempts;
use crate::passwords::verifier::VerifiedUser;
use crate::sessions::{SessionIssuer, SignedIn};
use crate::store::Batch;
use crate::writer::Writer;

/// Completes sign-ins.
pub(crate) struct SignInCompletion {
    pub(crate) devices: Arc<SignInDevices>,
    pub(crate) password_attempts: Arc<PasswordAttempts>,
    pub(crate) session_issuer: Arc<SessionIssuer>,
    pub(crate) writer: Arc<Writer>,
}

impl SignInCompletion {
    /// Reads the history of a user.
    pub(super) async fn history(
        &self,
        ctx: &Ctx,
        verified: &VerifiedUser,
    ) -> Result<SignInHistory, Error> {
        let (devices, wrong_passwords) = tokio::join!(
            self.devices.recorded_devices(ctx, &verified.user),
            self.password_attempts.wrong_passwords_before(ctx, verified),
        );
        Ok(SignInHistory {
            devices: devices?,
            failures: wrong_passwords?,
        })
    }

    /// Creates the session once all factors are verified, with these methods at this time, and with the writes of the last
    /// one. Clears the wrong passwords once it is stored.
    pub(super) async fn complete(
        &self,
        ctx: &Ctx,
        (verified, history): (&VerifiedUser, SignInHistory),
        proved: (Vec<AuthMethod>, Timestamp),
        mut batch: Batch,
    ) -> Result<SignedIn, Error> {
        ensure_no_pending_deletion(&self.writer, ctx, &verified.user).await?;
        let user = &verified.user;
        let (device, unusual) = self.devices.record_device(ctx, user, &history).await?;
        batch.extend(device);
        let signed_in = Event::SignedIn {
            user,
            unusual: unusual.as_ref(),
        };
        self.writer.emit(ctx, signed_in, &mut batch);
        let issuer = &self.session_issuer;
        let signed_in = issuer.issue_session(ctx, user, proved, batch).await?;
        let (evicted, cleared) = tokio::join!(
            issuer.evict_oldest_sessions(ctx, user.id),
            self.password_attempts.clear(verified),
        );
        if let Err(error) = evicted {
            tracing::warn!(user.id = %user.id, error = %chain(&error), "failed to end the oldest sessions");
        }
        if let Err(error) = cleared {
            tracing::warn!(error = %chain(&error), "failed to clear the wrong passwords after a sign-in");
        }
        Ok(signed_in)
    }
}
