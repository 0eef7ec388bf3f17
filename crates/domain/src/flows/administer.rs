//! Look after other people's accounts: list, role, status.

use crate::access::{Action, Target};
use crate::accounts::{ATTEMPTS, Accounts};
use crate::changes::{ApplyError, Change};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::update_profile::ensure_version;
use crate::model::{Event, Purpose, Role, Status, User, UserFilter, Version};
use crate::values::Invalid;

impl Accounts {
    /// Users, oldest first.
    pub async fn list_users(&self, ctx: &Ctx, filter: &UserFilter) -> Result<Vec<User>, Error> {
        self.authorize(ctx, Action::ListUsers, Target::Others)
            .await?;
        Ok(self.ports.store.list_users(filter).await?)
    }

    /// Gives or takes the admin role. It bites at the user's next request.
    pub async fn change_role(
        &self,
        ctx: &Ctx,
        named: &str,
        role: Role,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        let change = |user: &User| {
            Ok(User {
                role,
                ..user.clone()
            })
        };
        self.change_standing(
            ctx,
            named,
            Action::ChangeRole,
            Event::RoleChanged,
            role.as_str(),
            expected,
            &change,
        )
        .await
    }

    /// Switches an account off, which ends its sessions and links, or back on.
    pub async fn change_status(
        &self,
        ctx: &Ctx,
        named: &str,
        enabled: bool,
        expected: Option<Version>,
    ) -> Result<User, Error> {
        let (detail, change): (_, &(dyn Fn(&User) -> Result<User, Error> + Sync)) = match enabled {
            true => ("active", &enabled_again),
            false => ("disabled", &disabled),
        };
        self.change_standing(
            ctx,
            named,
            Action::ChangeStatus,
            Event::StatusChanged,
            detail,
            expected,
            change,
        )
        .await
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the two callers above are all there are"
    )]
    async fn change_standing(
        &self,
        ctx: &Ctx,
        named: &str,
        action: Action,
        event: Event,
        detail: &str,
        expected: Option<Version>,
        change: &(dyn Fn(&User) -> Result<User, Error> + Sync),
    ) -> Result<User, Error> {
        for _ in 0..ATTEMPTS {
            let user = self.resolve(ctx, action, named).await?;
            ensure_version(&user, expected)?;
            let mut changed = change(&user)?;
            if changed == user {
                return Ok(user);
            }
            changed.version = user.version.next();
            changed.updated_at = ctx.now;
            let mut changes = vec![Change::UpdateUser {
                user: Box::new(changed.clone()),
                expected: user.version,
            }];
            if changed.session_epoch != user.session_epoch {
                changes.push(Change::RevokeLinks(
                    user.id,
                    vec![Purpose::Confirmation, Purpose::Recovery],
                ));
            }
            if is_active_admin(&user) && !is_active_admin(&changed) {
                changes.push(Change::KeepAnAdmin);
            }
            changes.push(self.audit_detail(ctx, event, Some(user.id), detail));
            match self.apply(changes).await {
                Ok(()) if changed.session_epoch != user.session_epoch => {
                    self.end_sessions(user.id, None).await?;
                    return Ok(changed);
                }
                Ok(()) => return Ok(changed),
                Err(ApplyError::Stale) => {}
                Err(other) => return Err(other.into()),
            }
        }
        Err(Error::PreconditionFailed)
    }
}

fn is_active_admin(user: &User) -> bool {
    user.role == Role::Admin && user.status == Status::Active
}

/// Off: no session, no link. A change of address under way is dropped with its link; the address
/// of a sign-up that was never confirmed stays, so that switching on does not confirm it.
fn disabled(user: &User) -> Result<User, Error> {
    if user.status == Status::Disabled {
        return Ok(user.clone());
    }
    let pending_email = match user.status {
        Status::Pending => user.pending_email.clone(),
        Status::Active | Status::Disabled => None,
    };
    Ok(User {
        status: Status::Disabled,
        pending_email,
        session_epoch: user.session_epoch + 1,
        ..user.clone()
    })
}

/// On again: as it was. An admin cannot confirm an address for somebody.
fn enabled_again(user: &User) -> Result<User, Error> {
    let status = match user.status {
        Status::Pending => {
            let unconfirmed = Invalid::new(
                "unconfirmed",
                "This user has not confirmed an e-mail address yet.",
            );
            return Err(Error::invalid("status", unconfirmed));
        }
        Status::Disabled if user.email.is_none() && user.pending_email.is_some() => Status::Pending,
        Status::Disabled | Status::Active => Status::Active,
    };
    Ok(User {
        status,
        ..user.clone()
    })
}
