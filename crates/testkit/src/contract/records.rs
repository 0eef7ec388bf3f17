//! The generic operations on records: values, conditions, reads by key, deletion.

use std::sync::Arc;

use doorward_domain::model::{
    Credential, EndedSession, Link, Purpose, SearchWord, SigningKey, TABLES, User,
};
use doorward_domain::store::ApplyError;
use doorward_domain::store::Store;
use doorward_domain::store::{
    Column, Condition, Kind, Query, Record, Records, Row, Table, Value, Write,
};
use doorward_domain::values::UserId;

use super::{apply_ok, assert_refused, count, get_row, race};
use crate::fixtures::{self, later};

/// A row of any table, with values that a store might change.
pub(super) fn row_of(table: &'static Table, number: usize) -> Row {
    let unique = fixtures::unique();
    let value = |(position, column): (usize, &Column)| match (position + number) % 3 {
        0 if column.nullable => Value::Null,
        odd => value_of(column.kind, unique, odd == 1),
    };
    let values = table.columns.iter().enumerate().map(value).collect();
    Row { table, values }
}

pub(super) fn value_of(kind: Kind, unique: u64, is_long: bool) -> Value {
    let text = |length: usize| format!("{unique} Ärger's 🦊 %_\\ \u{1}{}", "x ".repeat(length));
    match kind {
        Kind::Int if is_long => Value::Int(i64::MAX - i64::try_from(unique).unwrap_or(0)),
        Kind::Int => Value::Int(-1_700_000_000_000_000 - i64::try_from(unique).unwrap_or(0)),
        Kind::Id => fixtures::user_id().into(),
        Kind::Digest => (&fixtures::digest()).into(),
        // The longest key, in the characters that take most bytes.
        Kind::Key if is_long => format!("{unique:0>1020}🦊").into(),
        Kind::Key => text(1).into(),
        Kind::Text => text(if is_long { 9_000 } else { 0 }).into(),
        Kind::Blob => [&unique.to_be_bytes()[..], &[0, 255, 39, 92]]
            .concat()
            .as_slice()
            .into(),
    }
}

pub async fn every_value_comes_back(store: Arc<dyn Store>) {
    for table in TABLES.iter().copied() {
        for number in 0..3 {
            let (inserted, put) = (row_of(table, number), row_of(table, number));
            let writes = [Write::Insert(inserted.clone()), Write::Put(put.clone())];
            apply_ok(&*store, writes.into()).await;
            for row in [inserted, put] {
                let stored = get_row(&*store, table, row.key().clone()).await;
                assert!(stored == Some(row), "{} {number}", table.name);
            }
        }
        let none = row_of(table, 1);
        assert!(get_row(&*store, table, none.key().clone()).await.is_none());
    }
}

/// The rows of a run have NULL, short and long values in different columns.
pub async fn every_row_of_a_run_of_inserts_comes_back(store: Arc<dyn Store>) {
    for table in TABLES.iter().copied() {
        let mut rows: Vec<_> = (0..7).map(|number| row_of(table, number)).collect();
        let inserts = rows.iter().cloned().map(Write::Insert);
        apply_ok(&*store, inserts.collect()).await;
        let keys = rows.iter().map(|row| row.key().clone());
        let mut stored = store.get_rows(table, keys.collect()).await.unwrap();
        rows.sort_by(|a, b| a.key().cmp(b.key()));
        stored.sort_by(|a, b| a.key().cmp(b.key()));
        assert!(stored == rows, "{table}");
    }
}

pub async fn a_put_replaces_the_row(store: Arc<dyn Store>) {
    for table in TABLES.iter().copied() {
        let first = row_of(table, 1);
        let mut second = row_of(table, 2);
        second.values[0] = first.key().clone();
        apply_ok(&*store, vec![Write::Put(first)]).await;
        apply_ok(&*store, vec![Write::Put(second.clone())]).await;
        let stored = get_row(&*store, table, second.key().clone()).await;
        assert!(stored == Some(second), "{}", table.name);
    }
}

pub async fn many_may_put_the_same_row(store: Arc<dyn Store>) {
    let owner = fixtures::user_id();
    let credentials: Vec<_> = (0..12).map(|_| fixtures::credential(owner)).collect();
    let results = race(12, |number| {
        let (store, credential) = (store.clone(), credentials[number].clone());
        async move { store.apply(vec![Write::put(&credential)]).await }
    });
    for result in results.await {
        result.unwrap();
    }
    let stored = hash_of(&*store, owner).await.unwrap();
    assert!(credentials.iter().any(|one| *one.data.expose() == stored));
}

/// Conditions compare byte by byte, and NULL only equals NULL.
pub async fn a_write_whose_condition_does_not_hold_is_stale(store: Arc<dyn Store>) {
    let key = fixtures::signing_key();
    apply_ok(&*store, vec![Write::insert(&key)]).await;
    let kid = key.kid.as_str();
    let at = |seconds| Value::from(later(seconds));
    let position = |offset: i64| Value::Int(key.position + offset);
    let holds = [
        Condition::is("kid", kid),
        Condition::is_null("retired_at"),
        Condition::at_most("position", position(0)),
        Condition::above("position", position(-1)),
        Condition::one_of("kid", ["other".into(), kid.into()]),
    ];
    let fails = [
        Condition::is("kid", kid.to_uppercase()),
        Condition::is("kid", format!("{kid} ")),
        Condition::is("retired_at", at(1)),
        Condition::at_most("retired_at", at(1)),
        Condition::above("retired_at", at(1)),
        Condition::at_most("position", position(-1)),
        Condition::above("position", position(0)),
        Condition::one_of("kid", ["other".into()]),
        Condition::one_of("kid", []),
    ];
    let set = || [("sealed", [7_u8].as_slice().into())];
    let writes = |when: Vec<Condition>| {
        let delete = Write::Delete {
            table: SigningKey::TABLE,
            key: kid.into(),
            when: when.clone(),
        };
        let check = Write::check::<SigningKey>(kid, when.clone());
        let update = Write::update::<SigningKey, 1>(kid, set(), when);
        [check, update, delete]
    };
    for condition in fails {
        for when in [vec![condition.clone()], [&holds[..], &[condition]].concat()] {
            for write in writes(when) {
                let refused = store.apply(vec![write.clone()]).await;
                assert!(
                    matches!(refused, Err(ApplyError::Stale)),
                    "{write:?}: {refused:?}"
                );
            }
        }
    }
    assert_eq!(keys(&*store).await, std::slice::from_ref(&key));
    let [check, update, delete] = writes(holds.into());
    apply_ok(&*store, vec![check, update]).await;
    assert_eq!(keys(&*store).await[0].sealed, [7]);
    apply_ok(&*store, vec![delete]).await;
    assert_eq!(keys(&*store).await, []);
}

pub async fn only_a_delete_accepts_a_missing_row(store: Arc<dyn Store>) {
    let set = [("updated_at", later(1).into())];
    let id = fixtures::user_id();
    for write in [
        Write::update::<Credential, 1>(id, set, Vec::new()),
        Write::check::<Credential>(id, Vec::new()),
    ] {
        assert_refused!(store.apply(vec![write]).await, ApplyError::Stale);
    }
    apply_ok(&*store, vec![Write::delete::<Credential>(id)]).await;
    assert_eq!(hash_of(&*store, id).await, None);
}

pub async fn a_row_is_found_by_each_unique_column(store: Arc<dyn Store>) {
    for table in TABLES.iter().copied() {
        let (row, other) = (row_of(table, 1), row_of(table, 1));
        let inserts = [row.clone(), other].map(Write::Insert);
        apply_ok(&*store, inserts.into()).await;
        for column in table.unique.iter().copied() {
            let value = row.get(column).clone();
            if value != Value::Null {
                let found = store.find_row(table, column, value).await.unwrap();
                assert_eq!(found.unwrap().key(), row.key(), "{table}.{column}");
            }
            let nothing = row_of(table, 1).get(column).clone();
            if nothing != Value::Null {
                let found = store.find_row(table, column, nothing).await.unwrap();
                assert_eq!(found, None, "{table}.{column}");
            }
        }
    }
}

pub async fn rows_are_read_by_their_keys(store: Arc<dyn Store>) {
    let none: Vec<Credential> = store.get_all(Vec::<UserId>::new()).await.unwrap();
    assert!(none.is_empty());
    let wanted: Vec<UserId> = (0..160).map(|_| fixtures::user_id()).collect();
    let existing = wanted.iter().step_by(2);
    let credentials: Vec<_> = existing.map(|id| fixtures::credential(*id)).collect();
    let other = fixtures::credential(fixtures::user_id());
    let written = credentials.iter().chain([&other]);
    apply_ok(&*store, written.map(Write::put).collect()).await;
    let mut read: Vec<Credential> = store.get_all(wanted).await.unwrap();
    read.sort_unstable_by_key(|credential| credential.user_id);
    let ids = |all: &[Credential]| all.iter().map(|one| one.user_id).collect::<Vec<_>>();
    assert_eq!(ids(&read), ids(&credentials));
}

/// L-05: of every table with a `user_id`, by the purge or by the batch that deletes the user.
pub async fn the_rows_of_a_deleted_user_are_deleted(store: Arc<dyn Store>) {
    let (gone, stays) = (fixtures::user(), fixtures::user());
    let mut rows = Vec::new();
    for user in [&gone, &stays] {
        super::insert(&*store, user).await;
        let words = SearchWord::all_of(user);
        rows.extend(words.iter().map(|word| (user.id, word.to_row())));
        let tables = TABLES.iter().copied().filter(|table| table.owner.is_some());
        for table in tables.filter(|table| !table.deleted_with_owner) {
            let mut row = row_of(table, 1);
            row.values[table.position(table.owner.unwrap())] = user.id.into();
            apply_ok(&*store, vec![Write::Put(row.clone())]).await;
            rows.push((user.id, row));
        }
    }
    super::delete(&*store, &gone).await;
    for (owner, row) in rows {
        let stored = get_row(&*store, row.table, row.key().clone()).await;
        assert_eq!(stored.is_some(), owner == stays.id, "{}", row.table.name);
    }
}

pub async fn a_column_can_be_omitted(store: Arc<dyn Store>) {
    let user = fixtures::user();
    super::insert(&*store, &user).await;
    let (column, key) = (User::USERNAME_KEY, user.username.as_ref().unwrap().key());
    let found = store.find_row(User::TABLE, column, key.into()).await;
    let listed = store.list_rows(Query::by::<User>(&[])).await.unwrap();
    let whole = store
        .list_rows(Query::by::<User>(&[]).whole())
        .await
        .unwrap();
    assert!(*found.unwrap().unwrap().get("data") == Value::Unset);
    assert!(*listed[0].get("data") == Value::Unset);
    assert!(*listed[0].get("version") == Value::Int(user.version.0));
    assert!(matches!(whole[0].get("data"), Value::Text(_)));
}

/// R-05, T-RACE.
pub async fn one_of_sixty_four_uses_the_link(store: Arc<dyn Store>) {
    let link = fixtures::link(fixtures::user_id(), Purpose::Confirmation);
    apply_ok(&*store, vec![Write::put(&link)]).await;
    let use_at = |at| vec![link.mark_used(later(at))];
    // it expires 24 hours after its creation.
    let expired = store.apply(vec![link.mark_used(link.expires_at)]);
    assert_refused!(expired.await, ApplyError::Stale);
    let results = race(64, |_| {
        let (store, changes) = (store.clone(), use_at(1));
        async move { store.apply(changes).await }
    });
    let stale = |error: &ApplyError| matches!(error, ApplyError::Stale);
    assert_eq!(count(results.await, stale), (1, 63));
    let used: Option<Link> = store.find(Link::DIGEST, &link.digest).await.unwrap();
    assert_eq!(used.unwrap().used_at, Some(later(1)));
}

///
pub async fn a_new_recovery_link_replaces_the_old_one(store: Arc<dyn Store>) {
    let user_id = fixtures::user_id();
    let other = fixtures::link(user_id, Purpose::EmailUndo);
    let (old, new) = (
        fixtures::link(user_id, Purpose::Recovery),
        fixtures::link(user_id, Purpose::Recovery),
    );
    for link in [&other, &old, &new] {
        apply_ok(&*store, vec![Write::put(link)]).await;
    }
    let of_old = store.find::<Link>(Link::DIGEST, &old.digest);
    assert_eq!(of_old.await.unwrap(), None);
    let used = store.apply(vec![old.mark_used(later(1))]).await;
    assert_refused!(used, ApplyError::Stale);
    let mut links: Vec<Link> = store.list(Link::of_user(user_id)).await.unwrap();
    links.sort_by_key(|link| link.purpose != Purpose::Recovery);
    assert_eq!(links, [new.clone(), other]);
    apply_ok(&*store, vec![new.mark_used(later(1))]).await;
}

pub async fn the_sweep_deletes_expired_rows(store: Arc<dyn Store>) {
    let expiring = |at| {
        let link = Link {
            expires_at: later(at),
            ..fixtures::link(fixtures::user_id(), Purpose::Confirmation)
        };
        let ended = EndedSession {
            id: fixtures::session_id(),
            user_id: fixtures::user_id(),
            ends_at: later(at),
        };
        (link, ended)
    };
    let (first, second) = (expiring(10), expiring(11));
    for (link, ended) in [&first, &second] {
        apply_ok(&*store, vec![Write::put(link), Write::put(ended)]).await;
    }
    for (swept_at, expected) in [(10, 2), (11, 1)] {
        for table in [Link::TABLE, EndedSession::TABLE] {
            store.sweep(table, later(swept_at)).await.unwrap();
        }
        let ended: Vec<EndedSession> = store.get_all([first.1.id, second.1.id]).await.unwrap();
        assert_eq!(ended.len(), expected);
        let link = store.find::<Link>(Link::DIGEST, &first.0.digest);
        assert_eq!(link.await.unwrap().is_some(), expected == 2);
    }
}

pub(super) async fn keys(store: &dyn Store) -> Vec<SigningKey> {
    store.list(SigningKey::newest_first()).await.unwrap()
}

pub(super) async fn hash_of(store: &dyn Store, owner: UserId) -> Option<String> {
    let credential: Option<Credential> = store.get(owner).await.unwrap();
    Some(credential?.data.expose().clone())
}
