//! Second factors: authenticator apps (TOTP, RFC 6238), and recovery codes in their place.
//!
//! A user has a second factor if their set (`model/factor_set.rs`) contains one. Sign-in (`sign_in`) and reauthentication
//! (`reauthentication`) then require a code, which `verifier` checks.
//!
//! - `stored`: a factor as it is stored; `kinds`: what differs between the kinds; `totp`: an authenticator app.
//! - `recovery_codes`: their form and digests.
//! - `recovery_grant`: the codes that a recovery by mail grants.
//! - `store`: reads a user's factors; `list`: what the user sees of them.
//! - `attempts`: counts codes; `changes`: applies changes, of which a user has ten an hour.
//! - `verifier`: verifies a code, for sign-in and reauthentication.
//! - `challenge`: the state of a sign-in between its steps.
//! - `enrolment`: adds a factor and renews recovery codes; `removal` removes a factor.
//! - `enrolment_list`: the enrolments that a user has begun, which limits how many are pending.
//! - `undo`: the link that undoes the first factor.
//! - `transfer`: the factors in an export of users, and their import.
//!
//! To add a kind of factor: `docs/contribute/adding-a-part.md`, "A sign-in method".

pub(crate) mod attempts;
pub(crate) mod challenge;
pub(crate) mod changes;
mod enrolment;
mod enrolment_list;
mod kinds;
mod list;
mod recovery_codes;
pub(crate) mod recovery_grant;
mod removal;
pub(crate) mod store;
mod stored;
mod totp;
pub(crate) mod transfer;
pub(crate) mod undo;
pub(crate) mod verifier;

use std::sync::Arc;

use crate::access::{Access, Action, ensure_operator};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::factors::store::FactorStore;
use crate::model::FactorSet;
use crate::store::ReadStore;
use crate::writer::Writer;

pub use crate::values::{FactorCode, FactorKind, FactorName};
pub use enrolment::{Enrolled, Enrolment, FactorEnrolment};
pub use list::{Factor, FactorList, MAX_FACTORS};
pub use recovery_codes::FEW_RECOVERY_CODES;
pub use removal::FactorRemoval;
pub use totp::TotpParameters;
pub use transfer::{ExportedFactors, ExportedTotp, TotpSecret};
pub use undo::FactorUndo;

/// Lists second factors.
pub struct Factors {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) access: Arc<Access>,
    pub(crate) factor_store: Arc<FactorStore>,
    pub(crate) writer: Arc<Writer>,
}

impl Factors {
    /// Returns the second factors of a user, for that user or an admin.
    #[tracing::instrument(name = "list_factors", level = "trace", skip_all)]
    pub async fn list(&self, ctx: &Ctx, named: &str) -> Result<FactorList, Error> {
        let user = self.access.resolve(ctx, Action::ViewFactors, named).await?;
        self.writer
            .emit_view(ctx, Event::UserViewed { user_id: user.id })
            .await?;
        self.factor_store.list_factors(ctx, &user).await
    }

    /// Returns `true` if a proof of the signed-in user needs a code: the account has a second factor, and the sign-in with it
    /// is not recent.
    pub async fn needs_code(&self, ctx: &Ctx) -> Result<bool, Error> {
        match ctx.actor.user_id() {
            Some(id) if !self.access.has_recent_factor(ctx) => {
                Ok(!FactorSet::of_user(&*self.store, id).await?.is_empty())
            }
            _ => Ok(false),
        }
    }

    /// Like [`Self::list`], for the operator on the command line. `named` is an id, a username or an address.
    pub async fn list_by_name(&self, ctx: &Ctx, named: &str) -> Result<FactorList, Error> {
        ensure_operator(ctx)?;
        let user = self.access.find_by_name(named).await?;
        self.writer
            .emit_view(ctx, Event::UserViewed { user_id: user.id })
            .await?;
        self.factor_store.list_factors(ctx, &user).await
    }
}
