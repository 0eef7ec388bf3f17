//! Checks before a start that the stored hashes can be verified with the configured peppers.
//!
//! If a pepper is missing, every password is rejected as wrong, and each user believes that they forgot it (P-08).
//! Only a sample of the hashes is read: those of the first users and of the first admins.

use std::sync::Arc;

use crate::error::Error;
use crate::model::{Credential, User, UserFilter};
use crate::passwords::hashing::{Hasher, UnreadableHash};
use crate::store::{ReadStore, Records};
use crate::values::Role;

/// Maximum number of users in each sample.
const SAMPLE: usize = 200;

/// Checks that the stored hashes can be verified.
pub struct PepperCheck {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) hasher: Arc<Hasher>,
}

impl PepperCheck {
    /// Returns the error of the first hash whose pepper is missing; `None` if there is none. Users that cannot be
    /// listed are skipped, because a row written by a newer release must not prevent the start. If no pepper is
    /// missing, the error of those users is returned.
    pub async fn missing_pepper(&self) -> Result<Option<UnreadableHash>, Error> {
        let mut unread = None;
        for role in [None, Some(Role::Admin)] {
            let filter = UserFilter {
                role,
                limit: SAMPLE,
                ..UserFilter::default()
            };
            let users = match self.store.list::<User>(filter.query()).await {
                Ok(users) => users,
                Err(error) => {
                    unread = Some(error);
                    continue;
                }
            };
            let ids: Vec<_> = users.iter().map(|user| user.id).collect();
            let credentials = self.store.get_all::<Credential>(ids).await?;
            let missing = credentials
                .iter()
                .find_map(|stored| self.hasher.missing_pepper(&stored.data));
            if missing.is_some() {
                return Ok(missing);
            }
        }
        match unread {
            Some(error) => Err(error.into()),
            None => Ok(None),
        }
    }
}
