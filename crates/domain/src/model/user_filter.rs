//! Lists of users: filters, pages and their cursors.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Role, Status, User};
use crate::store::{Condition, Order, Query};
use crate::values::UserId;

/// Filter for a list of users.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// Beginnings of words: each must begin the username, an address, its `@domain` or a word of the name.
    pub text: Option<String>,
    /// Only users with this status.
    pub status: Option<Status>,
    /// Only users with this role.
    pub role: Option<Role>,
    /// The order: by the time of the sign-up, oldest first or newest first, and the results of a search by the word that was
    /// found.
    pub order: Order,
    /// Only users after this place, in this order.
    pub after: Option<UserCursor>,
    /// Maximum number of users.
    pub limit: usize,
}

/// A place in a list of users.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserCursor {
    /// After this user.
    User(UserId),
    /// After this key of a [`SearchWord`](super::SearchWord), in the results of a search.
    Word(String),
}

/// A page of a list. A page of a search can have fewer users than its limit although more follow.
#[derive(Debug, Clone, PartialEq)]
pub struct UserPage {
    /// The users.
    pub users: Vec<User>,
    /// When these users last signed in. Those who never did are omitted.
    pub last_sign_ins: HashMap<UserId, Timestamp>,
    /// The place of the first of them: what follows it in the opposite order is on the page before. `None` if the page is empty.
    pub start: Option<UserCursor>,
    /// The place after the last of them; `None` at the end of the list.
    pub next: Option<UserCursor>,
}

impl UserFilter {
    /// Returns `true` if the user has the role and the status.
    pub fn accepts(&self, user: &User) -> bool {
        self.status.is_none_or(|status| user.status == status)
            && self.role.is_none_or(|role| user.role == role)
    }

    /// The users of a list without a search text, with their data. Few users are admins and few are not active, so
    /// that of two filters the index of one skips few users.
    pub fn query(&self) -> Query {
        let query = match (self.role, self.status) {
            (None, None) => Query::by::<User>(&[]),
            (None, Some(status)) => by_status(status),
            (Some(role), None) => by_role(role),
            (Some(Role::Admin), Some(status)) => {
                by_role(Role::Admin).only(Condition::is("status", status.as_str()))
            }
            (Some(role), Some(status)) => {
                by_status(status).only(Condition::is("role", role.as_str()))
            }
        };
        let after = match &self.after {
            Some(UserCursor::User(id)) => Some(*id),
            _ => None,
        };
        let query = match (self.order, after) {
            (Order::Ascending, None) => query,
            (Order::Ascending, Some(id)) => query.above(id),
            (Order::Descending, None) => query.descending(),
            // No user has the lowest id.
            (Order::Descending, Some(id)) => query.at_most(id.before().unwrap_or(id)).descending(),
        };
        query.whole().limit(self.limit)
    }
}

fn by_role(role: Role) -> Query {
    Query::by::<User>(&["role"]).equal(role.as_str())
}

fn by_status(status: Status) -> Query {
    Query::by::<User>(&["status"]).equal(status.as_str())
}
