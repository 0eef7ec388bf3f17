//! Manages other users' accounts: list, role, status. Both changes require that the admin entered the password
//! recently (A-13, Z-05).

use jiff::Timestamp;

use crate::access::{Action, Target};
use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change, Changes};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::update_profile::ensure_version;
use crate::metric_event::SessionEnd;
use crate::model::{Event, Role, Status, User, UserFilter, Version};
use crate::values::Invalid;

/// A change of role or status by an admin.
#[derive(Clone, Copy)]
enum AdminChange {
    Role(Role),
    Enabled,
    Disabled,
}

impl AdminChange {
    fn action(self) -> Action {
        match self {
            Self::Role(_) => Action::ChangeRole,
            Self::Enabled | Self::Disabled => Action::ChangeStatus,
        }
    }

    fn event(self) -> Event {
        match self {
            Self::Role(_) => Event::RoleChanged,
            Self::Enabled | Self::Disabled => Event::StatusChanged,
        }
    }

    fn detail(self) -> &'static str {
        match self {
            Self::Role(role) => role.as_str(),
            Self::Enabled => "active",
            Self::Disabled => "disabled",
        }
    }

    /// Returns the changed user. Fails if the change is not possible.
    fn apply_to(self, user: &User) -> Result<User, Error> {
        match self {
            Self::Role(role) => Ok(User {
                role,
                ..user.clone()
            }),
            Self::Enabled => enabled_again(user),
            Self::Disabled => Ok(disabled(user)),
        }
    }
}

impl Accounts {
    /// Lists the users that match the filter, oldest first.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn list_users(&self, ctx: &Ctx, filter: &UserFilter) -> Result<Vec<User>, Error> {
        self.authorize(ctx, Action::ListUsers, Target::Others)
            .await?;
        let users = self.ports.store.list_users(filter).await?;
        self.audit_view(ctx, Event::UsersListed, None).await?;
        Ok(users)
    }

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
        self.apply_admin_change(ctx, named, AdminChange::Disabled, expected)
            .await
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
        self.ensure_reauthenticated(ctx, change.action(), named)
            .await?;
        for _ in 0..ATTEMPTS {
            let user = self.resolve(ctx, change.action(), named).await?;
            ensure_version(&user, expected)?;
            let mut changed = change.apply_to(&user)?;
            if changed == user {
                // Another node may have made this change already, so the cached user may be outdated.
                self.cache.user_changed(user.id);
                return Ok(user);
            }
            if changed.session_epoch != user.session_epoch {
                let lifetime = self.policy.email_undo_lifetime;
                changed.void_undo_links = user.void_undo_links(Timestamp::MIN, ctx.now, lifetime);
            }
            changed.version = user.version.next();
            changed.updated_at = ctx.now;
            let mut changes: Changes = self
                .check_actor(ctx, change.action(), user.id)
                .into_iter()
                .collect();
            changes.push(Change::UpdateUser {
                user: Box::new(changed.clone()),
                expected: user.version,
            });
            if is_active_admin(&user) && !is_active_admin(&changed) {
                changes.push(Change::CheckAdminRemains);
            }
            changes.push(self.audit_detail(ctx, change.event(), Some(user.id), change.detail()));
            match self.apply(changes).await {
                Ok(()) if changed.session_epoch != user.session_epoch => {
                    let (epoch, reason) = (changed.session_epoch, SessionEnd::AccountChanged);
                    self.end_sessions(ctx, user.id, epoch, reason, None).await;
                    return Ok(changed);
                }
                Ok(()) => return Ok(changed),
                Err(ApplyError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::Overloaded)
    }
}

fn is_active_admin(user: &User) -> bool {
    user.role == Role::Admin && user.status == Status::Active
}

/// Returns the user as disabled. A new session epoch ends all sessions. A pending address is removed if the user
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
        session_epoch: user.session_epoch + 1,
        ..user.clone()
    }
}

/// Returns the user as enabled. Fails for a pending user. A disabled user without an identifier becomes pending
/// again: an admin cannot confirm an address for a user.
fn enabled_again(user: &User) -> Result<User, Error> {
    let status = match user.status {
        Status::Pending => {
            let unconfirmed = Invalid::new(
                "unconfirmed",
                "This user has not confirmed an email address yet.",
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
