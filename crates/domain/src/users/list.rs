//! Lists and finds users.
//!
//! An index serves each filter that selects few users. Its opposite, such as no second factor, and combinations skip users:
//! a page reads a limited number, and can have fewer users than its limit although more follow.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::access::{Access, Action};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::events::Event;
use crate::model::{
    Credential, FactorSet, LastSignIn, Lockout, SearchWord, User, UserCursor, UserFilter,
    UserIndex, UserPage,
};
use crate::store::{ReadStore, Records, StoreError};
use crate::values::UserId;
use crate::writer::Writer;

/// Maximum number of words, or of users that may be skipped, that are read together.
const AT_ONCE: usize = 200;
/// How often a page reads.
const READS: usize = 5;

/// The users of a page, and its places.
struct FoundUsers {
    users: Vec<User>,
    start: Option<UserCursor>,
    next: Option<UserCursor>,
}

/// What a list has read: the place and the user of each record, and these users. A user may have been deleted in between.
struct ReadUsers {
    places: Vec<(UserCursor, UserId)>,
    users: Vec<User>,
}

fn by_id(users: Vec<User>) -> BTreeMap<UserId, User> {
    users.into_iter().map(|user| (user.id, user)).collect()
}

/// Lists and finds users.
pub struct UserList {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) access: Arc<Access>,
    pub(crate) writer: Arc<Writer>,
}

impl UserList {
    /// Returns a page of the users that match the filter.
    #[tracing::instrument(level = "trace", skip_all)]
    pub async fn list_users(&self, ctx: &Ctx, filter: &UserFilter) -> Result<UserPage, Error> {
        self.access.authorize(ctx, Action::ListUsers).await?;
        let terms = SearchWord::terms(filter.text.as_deref().unwrap_or_default());
        let id = match terms.as_slice() {
            [term] => term.parse().ok(),
            _ => None,
        };
        let mut found = match id {
            Some(id) => self.user_with_id(filter, id).await?,
            None if terms.is_empty() => self.page_of_users(filter).await?,
            None => self.search_users(filter, &terms).await?,
        };
        self.load_data(&mut found.users).await?;
        let ids = found.users.iter().map(|user| user.id).collect();
        let last_sign_ins = LastSignIn::times_of(&*self.store, ids).await?;
        self.writer.emit_view(ctx, Event::UsersListed).await?;
        Ok(UserPage {
            users: found.users,
            last_sign_ins,
            start: found.start,
            next: found.next,
        })
    }

    /// Returns those of these users who have a lockout after wrong passwords in force.
    pub async fn locked_out(&self, ctx: &Ctx, users: &[User]) -> Result<BTreeSet<UserId>, Error> {
        self.access.authorize(ctx, Action::ListUsers).await?;
        let ids = users.iter().map(|user| user.id);
        let lockouts: Vec<Lockout> = self.store.get_all(ids.collect::<Vec<UserId>>()).await?;
        let is_locked_out = |user: &&User| lockouts.iter().any(|one| one.applies_to(user));
        Ok(users
            .iter()
            .filter(is_locked_out)
            .map(|user| user.id)
            .collect())
    }

    /// The user with this id, if the filter accepts it: the only page.
    async fn user_with_id(
        &self,
        filter: &UserFilter,
        id: UserId,
    ) -> Result<FoundUsers, StoreError> {
        let found: Option<User> = self.store.get(id).await?;
        let mut users: Vec<User> = found.into_iter().collect();
        let accepted = self.accepted(filter, &users).await?;
        users.retain(|user| accepted.contains(&user.id));
        Ok(FoundUsers {
            users,
            start: None,
            next: None,
        })
    }

    async fn page_of_users(&self, filter: &UserFilter) -> Result<FoundUsers, Error> {
        let at_once = match filter.skips_users() {
            true => AT_ONCE,
            false => filter.limit.saturating_add(1),
        };
        let (mut users, mut start, mut after) = (Vec::new(), None, filter.after.clone());
        for _ in 0..READS {
            let read = self.read_users(filter, after.clone(), at_once).await?;
            let accepted = self.accepted(filter, &read.users).await?;
            let is_end = read.places.len() < at_once;
            start = start.or_else(|| read.places.first().map(|(place, _)| place.clone()));
            let mut found = by_id(read.users);
            for (place, id) in read.places {
                if users.len() == filter.limit {
                    let next = after;
                    return Ok(FoundUsers { users, start, next });
                }
                after = Some(place);
                let user = found.remove(&id);
                users.extend(user.filter(|user| accepted.contains(&user.id)));
            }
            if is_end {
                let next = None;
                return Ok(FoundUsers { users, start, next });
            }
        }
        let next = after;
        Ok(FoundUsers { users, start, next })
    }

    /// Reads after a place, in the order of the filter. It may not accept the users.
    async fn read_users(
        &self,
        filter: &UserFilter,
        after: Option<UserCursor>,
        limit: usize,
    ) -> Result<ReadUsers, StoreError> {
        let (store, index) = (&self.store, filter.index());
        let filter = UserFilter {
            after,
            ..filter.clone()
        };
        let (mut places, mut users) = (Vec::new(), Vec::new());
        for query in filter.queries() {
            let query = query.limit(limit - places.len());
            match index {
                UserIndex::Id | UserIndex::SignUp => {
                    let read: Vec<User> = store.list(query).await?;
                    places.extend(read.iter().map(|user| (filter.place(user), user.id)));
                    users.extend(read);
                }
                UserIndex::LastSignIn => {
                    let read: Vec<LastSignIn> = store.list(query).await?;
                    let place = |last: &LastSignIn| UserCursor::At(last.at, last.user_id);
                    places.extend(read.iter().map(|last| (place(last), last.user_id)));
                }
                UserIndex::SecondFactor => {
                    let read: Vec<Credential> = store.list(query).await?;
                    let place = |id| (UserCursor::User(id), id);
                    places.extend(read.iter().map(|set| place(set.user_id)));
                }
            }
        }
        if matches!(index, UserIndex::LastSignIn | UserIndex::SecondFactor) {
            let ids = places.iter().map(|(_, id)| *id);
            users = store.get_all(ids.collect::<Vec<UserId>>()).await?;
        }
        Ok(ReadUsers { places, users })
    }

    /// Reads these users again if their data was not read. Omits those that were deleted in between.
    async fn load_data(&self, users: &mut Vec<User>) -> Result<(), StoreError> {
        if users.iter().all(|user| user.data.read().is_some()) {
            return Ok(());
        }
        let ids: Vec<UserId> = users.iter().map(|user| user.id).collect();
        let mut whole = by_id(self.store.get_all(ids.clone()).await?);
        *users = ids.iter().filter_map(|id| whole.remove(id)).collect();
        Ok(())
    }

    /// Reads the words that begin with the longest term, and their users. A user is listed at the first of these words.
    async fn search_users(
        &self,
        filter: &UserFilter,
        terms: &[String],
    ) -> Result<FoundUsers, Error> {
        let store = &self.store;
        let longest = terms.iter().max_by_key(|term| term.len());
        let term = longest.map(String::as_str).unwrap_or_default();
        let (mut users, mut start) = (Vec::new(), None);
        let mut after = match &filter.after {
            Some(UserCursor::Word(key)) => Some(key.clone()),
            _ => None,
        };
        for _ in 0..READS {
            let words = SearchWord::beginning_with(term, after.as_deref(), filter.order);
            let words: Vec<SearchWord> = store.list(words.limit(AT_ONCE)).await?;
            let ids: BTreeSet<UserId> = words.iter().map(|word| word.user_id).collect();
            let found: Vec<User> = store.get_all(ids).await?;
            let accepted = self.accepted(filter, &found).await?;
            for word in &words {
                let key = word.key();
                // In descending order, the query includes the place.
                if after.as_ref() == Some(&key) {
                    continue;
                }
                if users.len() == filter.limit {
                    let next = after.map(UserCursor::Word);
                    return Ok(FoundUsers { users, start, next });
                }
                start = start.or_else(|| Some(UserCursor::Word(key.clone())));
                let user = found.iter().find(|user| user.id == word.user_id);
                let user =
                    user.filter(|user| accepted.contains(&user.id) && is_found(user, word, terms));
                users.extend(user.cloned());
                after = Some(key);
            }
            if words.len() < AT_ONCE {
                let next = None;
                return Ok(FoundUsers { users, start, next });
            }
        }
        let next = after.map(UserCursor::Word);
        Ok(FoundUsers { users, start, next })
    }

    /// The users among these that the filter accepts.
    async fn accepted(
        &self,
        filter: &UserFilter,
        users: &[User],
    ) -> Result<BTreeSet<UserId>, StoreError> {
        let accepted = users.iter().filter(|user| filter.accepts(user));
        let mut accepted: BTreeSet<UserId> = accepted.map(|user| user.id).collect();
        if filter.has_sign_ins() {
            let ids = accepted.iter().copied().collect();
            let last_sign_ins = LastSignIn::times_of(&*self.store, ids).await?;
            accepted.retain(|id| filter.accepts_sign_in(last_sign_ins.get(id).copied()));
        }
        if let Some(wanted) = filter.second_factor {
            let with_factor = FactorSet::users_with_factors(&*self.store, &accepted).await?;
            accepted.retain(|id| with_factor.contains(id) == wanted);
        }
        Ok(accepted)
    }
}

/// Returns `true` if the word is the first of the user's that begins with the longest term, and each term begins one.
fn is_found(user: &User, word: &SearchWord, terms: &[String]) -> bool {
    let longest = terms.iter().max_by_key(|term| term.len());
    let all = SearchWord::all_of(user);
    let first = |term: &String| all.iter().find(|word| word.word.starts_with(term));
    longest.and_then(first) == Some(word) && terms.iter().all(|term| first(term).is_some())
}
