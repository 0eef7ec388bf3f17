//! Changes other users' role and status. Both changes require that the admin entered the password
//! recently (A-13, Z-05).

use std::sync::Arc;

use jiff::Timestamp;

use crate::access::{Access, Action, Begun, ensure_version, roster};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::metric_event::SessionEnd;
use crate::model::{Status, User, Version};
use crate::policy::Policy;
use crate::sessions::SessionEnder;
use crate::store::ReadStore;
use crate::user_versions::UserVersions;
use crate::values::{DisableReason, Invalid, Role, UserId};
use crate::writer::{MAX_WRITE_ATTEMPTS, Writer};

/// A change of role or status by an admin.
#[derive(Clone, Copy)]
enum AdminChange {
    Role(Role),
    Enabled,
    Disabled(Option<DisableReason>),
}

impl AdminChange {
    fn action(self) -> Action {
        match self {
            Self::Role(_) => Action::ChangeRole,
            Self::Enabled | Self::Disabled(_) => Action::ChangeStatus,
        }
    }

    fn event(self, user_id: UserId) -> Event<'static> {
        match self {
            Self::Role(role) => Event::RoleChanged { user_id, role },
            Self::Enabled => Event::Enabled { user_id },
            Self::Disabled(reason) => Event::Disabled { user_id, reason },
        }
    }

    /// Returns the changed user. Fails if the change is not possible.
    fn apply_to(self, user: &User) -> Result<User, Error> {
        match self {
            Self::Role(role) => Ok(User {
                role,
                ..user.clone()
            }),
            Self::Enabled => enabled(user),
            Self::Disabled(_) => Ok(disabled(user)),
        }
    }
}

/// Changes other users' role and status.
pub struct Admin {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) session_ender: Arc<SessionEnder>,
    pub(crate) user_versions: Arc<UserVersions>,
    pub(crate) access: Arc<Access>,
    pub(crate) writer: Arc<Writer>,
}

impl Admin {
    /// Grants or revokes the admin role. Takes effect on this node with the user's next request, on others within
    /// a second.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn change_role(
        &self,
        ctx: &Ctx,
        named: &str,
        role: Role,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        self.apply_admin_change(ctx, named, AdminChange::Role(role), expected)
            .await
    }

    /// Disables an account, which ends its sessions and voids its links.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn disable(
        &self,
        ctx: &Ctx,
        named: &str,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        self.apply_admin_change(ctx, named, AdminChange::Disabled(None), expected)
            .await
    }

    /// Like [`Self::disable`], with a reason for the audit log.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn disable_because(
        &self,
        ctx: &Ctx,
        named: &str,
        reason: DisableReason,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        let change = AdminChange::Disabled(Some(reason));
        self.apply_admin_change(ctx, named, change, expected).await
    }

    /// Enables a disabled account.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn enable(
        &self,
        ctx: &Ctx,
        named: &str,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        self.apply_admin_change(ctx, named, AdminChange::Enabled, expected)
            .await
    }

    async fn apply_admin_change(
        &self,
        ctx: &Ctx,
        named: &str,
        change: AdminChange,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        for _ in 0..MAX_WRITE_ATTEMPTS {
            let begun = self.access.begin(ctx, change.action(), named).await?;
            let Begun {
                user, mut batch, ..
            } = begun;
            ensure_version(&user, expected)?;
            let mut changed = change.apply_to(&user)?;
            if changed == user {
                // Another node may have made this change already, so the cached user may be outdated.
                self.user_versions.mark_changed(user.id);
                return Ok(user);
            }
            if changed.security_epoch != user.security_epoch {
                let lifetime = self.policy.email_undo_lifetime;
                changed.void_undo_links =
                    user.voiding_undo_links(Timestamp::MIN, ctx.now, lifetime);
            }
            changed.version = user.version.next();
            changed.updated_at = ctx.now;
            batch.extend(changed.replace(&user));
            batch.extend(roster::roster_change(&*self.store, Some(&user), Some(&changed)).await?);
            self.writer.emit(ctx, change.event(user.id), &mut batch);
            if !self.writer.apply_unless_stale(batch).await? {
                continue;
            }
            if changed.security_epoch != user.security_epoch {
                let (epoch, reason) = (changed.security_epoch, SessionEnd::AccountChanged);
                self.session_ender
                    .end_sessions(ctx, user.id, epoch, reason, None)
                    .await;
            }
            return Ok(changed);
        }
        Err(Error::Overloaded)
    }
}

/// Returns the user as disabled. A new security epoch ends all sessions. A pending address is removed if the user
/// has another identifier. Otherwise it stays, so that enabling does not confirm it.
fn disabled(user: &User) -> User {
    if user.status == Status::Disabled {
        return user.clone();
    }
    let pending_email = match user.has_identifier() {
        true => None,
        false => user.pending_email.clone(),
    };
    User {
        status: Status::Disabled,
        pending_email,
        invitation: user.settled_invitation(),
        security_epoch: user.security_epoch + 1,
        ..user.clone()
    }
}

/// Returns the user as enabled. Fails for a pending user. A disabled user without an identifier becomes pending
/// again: an admin cannot confirm an address for a user.
fn enabled(user: &User) -> Result<User, Error> {
    let status = match user.status {
        Status::Pending => {
            let unconfirmed = Invalid::new(
                "unconfirmed",
                "This user has not confirmed an email address or accepted an invitation yet.",
            );
            return Err(Error::invalid("status", unconfirmed));
        }
        Status::Disabled if !user.has_identifier() => Status::Pending,
        Status::Disabled | Status::Active => Status::Active,
    };
    Ok(User {
        status,
        ..user.clone()
    })
}
