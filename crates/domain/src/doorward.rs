//! The services, as web, worker and command line receive them.

use std::sync::Arc;

use jiff::Timestamp;

use crate::access::{Action, Target};
use crate::admin::Admin;
use crate::audit::Audit;
use crate::core::Core;
use crate::ctx::Ctx;
use crate::deletion::Deletion;
use crate::email::Email;
use crate::error::Error;
use crate::factors::Factors;
use crate::hashing::Hasher;
use crate::housekeeping::Housekeeping;
use crate::invitation::Invitations;
use crate::keys::Keys;
use crate::limits::ThrottleScope;
use crate::nodes::Nodes;
use crate::outbox::Outbox;
use crate::password::Passwords;
use crate::policy::Policy;
use crate::ports::Ports;
use crate::profile::Profile;
use crate::recovery::Recovery;
use crate::sessions::{LastSeenTimes, Sessions};
use crate::sign_in::SignIn;
use crate::sign_up::SignUp;
use crate::tokens::Keyring;
use crate::totals::Totals;
use crate::transfer::Transfer;

/// All services of one node. They share one `Core`.
pub struct Doorward {
    core: Arc<Core>,
    /// Creates accounts.
    pub sign_up: SignUp,
    /// Verifies passwords and creates sessions.
    pub sign_in: SignIn,
    /// Checks, renews, lists and ends sessions.
    pub sessions: Sessions,
    /// Confirms and changes addresses.
    pub email: Email,
    /// Sets a new password by a mailed link.
    pub recovery: Recovery,
    /// Changes and sets passwords.
    pub password: Passwords,
    /// Adds, lists and removes second factors.
    pub factors: Factors,
    /// Views, updates, deletes and exports one account.
    pub profile: Profile,
    /// Requests and cancels deletions.
    pub deletion: Deletion,
    /// Lists, creates and changes users.
    pub admin: Admin,
    /// Invites users, and accepts invitations.
    pub invitations: Invitations,
    /// Lists, seals, prunes, verifies and exports the audit log.
    pub audit: Audit,
    /// Creates, rotates, revokes and lists signing keys.
    pub keys: Keys,
    /// Sends the mails in the outbox.
    pub outbox: Outbox,
    /// Writes when sessions were last used.
    pub last_seen: Arc<LastSeenTimes>,
    /// Runs periodic tasks, and reports whether the stores respond.
    pub housekeeping: Housekeeping,
    /// Writes and lists the totals.
    pub totals: Totals,
    /// Writes and lists the nodes.
    pub nodes: Nodes,
    /// Exports and imports all users.
    pub transfer: Transfer,
}

impl Doorward {
    /// Creates the services. Does no I/O.
    pub fn new(ports: Ports, policy: Policy, hasher: Hasher, keyring: Keyring) -> Self {
        let core = Arc::new(Core::new(ports, policy, hasher, keyring));
        Self {
            sign_up: SignUp { core: core.clone() },
            sign_in: SignIn { core: core.clone() },
            sessions: Sessions { core: core.clone() },
            email: Email { core: core.clone() },
            recovery: Recovery { core: core.clone() },
            password: Passwords { core: core.clone() },
            factors: Factors { core: core.clone() },
            profile: Profile { core: core.clone() },
            deletion: Deletion { core: core.clone() },
            admin: Admin { core: core.clone() },
            invitations: Invitations { core: core.clone() },
            audit: Audit { core: core.clone() },
            keys: Keys { core: core.clone() },
            outbox: Outbox { core: core.clone() },
            last_seen: core.last_seen.clone(),
            housekeeping: Housekeeping { core: core.clone() },
            totals: Totals { core: core.clone() },
            nodes: Nodes { core: core.clone() },
            transfer: Transfer { core: core.clone() },
            core,
        }
    }

    /// The settings of the rules.
    pub fn policy(&self) -> &Policy {
        &self.core.policy
    }

    /// The current time.
    pub fn now(&self) -> Timestamp {
        self.core.now()
    }

    /// Checks that the actor may do this, and audits a forbidden attempt. The services check this themselves. A
    /// handler calls it first if it would otherwise validate input before the service does.
    pub async fn authorize(&self, ctx: &Ctx, action: Action, target: Target) -> Result<(), Error> {
        self.core.access.authorize(ctx, action, target).await
    }

    /// Like [`Self::authorize`], for the user that a path names.
    pub async fn authorize_by_name(
        &self,
        ctx: &Ctx,
        action: Action,
        named: &str,
    ) -> Result<(), Error> {
        self.core.access.authorize_by_name(ctx, action, named).await
    }

    /// Counts a request in its scope: tokens by account, everything else by network prefix. Passwords are counted
    /// when they are checked, because only then is the account known.
    pub async fn check_rate_limit(&self, ctx: &Ctx, scope: ThrottleScope) -> Result<(), Error> {
        self.core.rate_limiter.check_scope(ctx, scope).await
    }
}
