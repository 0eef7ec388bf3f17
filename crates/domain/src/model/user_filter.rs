//! Lists of users: filters, pages and their cursors.

use std::collections::HashMap;

use jiff::Timestamp;

use super::{Credential, LastSignIn, Status, User};
use crate::store::{Condition, Order, Query, Record};
use crate::values::{Role, UserId};

/// Filter for a list of users.
#[derive(Debug, Clone, Default)]
pub struct UserFilter {
    /// A whole id, or beginnings of words: each must begin the username, an address, its `@domain` or a word of the name.
    pub text: Option<String>,
    /// Only users with this status.
    pub status: Option<Status>,
    /// Only users with this role.
    pub role: Option<Role>,
    /// Only users who signed up at this time or later.
    pub created_since: Option<Timestamp>,
    /// Only users who signed up before this time.
    pub created_until: Option<Timestamp>,
    /// Only users who signed in at this time or later.
    pub signed_in_since: Option<Timestamp>,
    /// Only users who did not sign in at this time or later, also if they never did.
    pub not_signed_in_since: Option<Timestamp>,
    /// Only users with a second factor (`true`), or without one.
    pub second_factor: Option<bool>,
    /// The order, the lowest first or the highest first: by the id; with a time of the sign-up, or of the last sign-in, by that
    /// time, unless another filter selects fewer users; and the results of a search by the word that was found.
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
    /// After the user with this id and this time, in a list by the time of the sign-up or of the last sign-in.
    At(Timestamp, UserId),
    /// After this key of a [`SearchWord`](super::SearchWord), in the results of a search.
    Word(String),
}

/// The index by which a list without a search text reads, and so its order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum UserIndex {
    /// Users by id, the order of the sign-ups except for imported users: all, or those with a role or a status.
    Id,
    /// Users by the time of the sign-up.
    SignUp,
    /// Last sign-ins by their time.
    LastSignIn,
    /// Sets of second factors by the id of their user. A stored set can be empty.
    SecondFactor,
}

/// A page of a list. A page of a search, or with a filter that no index serves, can have fewer users than its limit although
/// more follow.
#[derive(Debug, Clone, PartialEq)]
pub struct UserPage {
    /// The users.
    pub users: Vec<User>,
    /// When these users last signed in. Those who never did are omitted.
    pub last_sign_ins: HashMap<UserId, Timestamp>,
    /// The place of the first of them, or before it: what follows it in the opposite order is on the page before. `None` at
    /// the end of the list.
    pub start: Option<UserCursor>,
    /// The place after the last of them; `None` at the end of the list.
    pub next: Option<UserCursor>,
}

impl UserFilter {
    /// Returns `true` if the user has the role and the status, and signed up in the time.
    pub fn accepts(&self, user: &User) -> bool {
        self.status.is_none_or(|status| user.status == status)
            && self.role.is_none_or(|role| user.role == role)
            && is_within(user.created_at, self.created_since, self.created_until)
    }

    /// Returns `true` if the filter asks for the last sign-in.
    pub(crate) fn has_sign_ins(&self) -> bool {
        self.signed_in_since.is_some() || self.not_signed_in_since.is_some()
    }

    /// Returns `true` if it accepts a user whose last sign-in was at this time; `None` for one who never signed in.
    pub(crate) fn accepts_sign_in(&self, last: Option<Timestamp>) -> bool {
        match last {
            Some(at) => is_within(at, self.signed_in_since, self.not_signed_in_since),
            None => self.signed_in_since.is_none(),
        }
    }

    /// The index that usually selects the fewest users. The other filters skip users.
    pub(crate) fn index(&self) -> UserIndex {
        let is_rare = self.role == Some(Role::Admin)
            || self.status.is_some_and(|status| status != Status::Active);
        if is_rare {
            UserIndex::Id
        } else if self.second_factor == Some(true) {
            UserIndex::SecondFactor
        } else if self.signed_in_since.is_some() {
            UserIndex::LastSignIn
        } else if self.has_created() {
            UserIndex::SignUp
        } else {
            UserIndex::Id
        }
    }

    /// Returns `true` if the list reads many users that the filter does not accept.
    pub(crate) fn skips_users(&self) -> bool {
        let has_name = self.role.is_some() || self.status.is_some();
        let has_factor = self.second_factor.is_some();
        match self.index() {
            UserIndex::Id => self.has_sign_ins() || has_factor || self.has_created(),
            UserIndex::SignUp => self.has_sign_ins() || has_factor || has_name,
            UserIndex::LastSignIn => self.has_created() || has_factor || has_name,
            UserIndex::SecondFactor => self.has_sign_ins() || self.has_created() || has_name,
        }
    }

    fn has_created(&self) -> bool {
        self.created_since.is_some() || self.created_until.is_some()
    }

    /// The place of a user in a list that reads users.
    pub(crate) fn place(&self, user: &User) -> UserCursor {
        match self.index() {
            UserIndex::SignUp => UserCursor::At(user.created_at, user.id),
            UserIndex::Id | UserIndex::LastSignIn | UserIndex::SecondFactor => {
                UserCursor::User(user.id)
            }
        }
    }

    /// What the list reads, without a search text: the records of the first query, then those of the next. Users that are
    /// read have their data unless the filter skips users.
    pub fn queries(&self) -> Vec<Query> {
        match self.index() {
            UserIndex::Id => vec![self.query()],
            UserIndex::SignUp => {
                self.by_time::<User>(&["created_at"], self.created_since, self.created_until)
            }
            UserIndex::LastSignIn => {
                let (since, until) = (self.signed_in_since, self.not_signed_in_since);
                self.by_time::<LastSignIn>(&["signed_in_at"], since, until)
            }
            UserIndex::SecondFactor => {
                let sets = self.after_user(Credential::factor_sets());
                vec![self.ordered(sets)]
            }
        }
    }

    /// Records at the time of the place, and then those after it, or before it. Their key is the id of the user.
    fn by_time<R: Record>(
        &self,
        index: &'static [&'static str],
        since: Option<Timestamp>,
        until: Option<Timestamp>,
    ) -> Vec<Query> {
        let last = |until: Timestamp| until.as_microsecond().saturating_sub(1);
        let mut above = since.map(last);
        let mut at_most = until.map(last);
        let by_index = || Query::by::<R>(index);
        let same = match (&self.after, self.order) {
            (Some(UserCursor::At(at, id)), Order::Ascending) => {
                above = Some(at.as_microsecond());
                Some(by_index().equal(*at).above(*id))
            }
            (Some(UserCursor::At(at, id)), Order::Descending) => {
                at_most = Some(last(*at));
                // No user has the lowest id.
                Some(by_index().equal(*at).at_most(id.before().unwrap_or(*id)))
            }
            _ => None,
        };
        let mut others = by_index();
        (others.above, others.at_most) = (above.map(Into::into), at_most.map(Into::into));
        let queries = same.into_iter().chain([others]);
        queries.map(|query| self.ordered(query)).collect()
    }

    /// The users of a list by id. Few users are admins and few are not active, so that of two filters the index of one skips
    /// few users.
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
        self.ordered(self.after_user(query))
    }

    /// The rows after the place, of a query in the order of the ids of users.
    fn after_user(&self, query: Query) -> Query {
        match (&self.after, self.order) {
            (Some(UserCursor::User(id)), Order::Ascending) => query.above(*id),
            // No user has the lowest id.
            (Some(UserCursor::User(id)), Order::Descending) => {
                query.at_most(id.before().unwrap_or(*id))
            }
            _ => query,
        }
    }

    fn ordered(&self, query: Query) -> Query {
        let query = match self.skips_users() {
            true => query,
            false => query.whole(),
        };
        Query {
            order: self.order,
            ..query.limit(self.limit)
        }
    }
}

/// Returns `true` if the time is at or after `since`, and before `until`.
fn is_within(at: Timestamp, since: Option<Timestamp>, until: Option<Timestamp>) -> bool {
    since.is_none_or(|since| at >= since) && until.is_none_or(|until| at < until)
}

fn by_role(role: Role) -> Query {
    Query::by::<User>(&["role"]).equal(role.as_str())
}

fn by_status(status: Status) -> Query {
    Query::by::<User>(&["status"]).equal(status.as_str())
}
