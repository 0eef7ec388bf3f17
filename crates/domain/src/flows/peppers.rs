//! Before a start: whether the hashes that are kept can be verified with the peppers that are here.
//!
//! A pepper that went missing would make everybody's password wrong, and look like a forgotten one to
//! each of them (P-08). All hashes are not read; those of the first users and of the admins tell.

use crate::accounts::Accounts;
use crate::error::Error;
use crate::model::{Role, UserFilter};
use crate::passwords::UnreadableHash;

/// How many users are looked at, of each kind.
const SAMPLE: usize = 200;

impl Accounts {
    /// What is wrong with the peppers, if anything is. Users that cannot be listed are passed over: one row
    /// that a newer node has written must keep no node from its start. That they were is told where nothing
    /// else is.
    pub async fn missing_pepper(&self) -> Result<Option<UnreadableHash>, Error> {
        let mut unread = None;
        for role in [None, Some(Role::Admin)] {
            let filter = UserFilter {
                role,
                limit: SAMPLE,
                ..UserFilter::default()
            };
            let users = match self.ports.store.list_users(&filter).await {
                Ok(users) => users,
                Err(error) => {
                    unread = Some(error);
                    continue;
                }
            };
            let ids: Vec<_> = users.iter().map(|user| user.id).collect();
            let kept = self.ports.store.list_credentials(&ids).await?;
            let missing = kept
                .iter()
                .find_map(|kept| self.hasher.missing_pepper(&kept.password_hash));
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
