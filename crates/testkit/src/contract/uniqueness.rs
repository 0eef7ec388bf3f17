//! Keys and unique values belong to one row, also under concurrent writes.

use std::sync::Arc;

use doorward_domain::model::{SigningKey, TABLES, User};
use doorward_domain::store::{ApplyError, Records, Store, Value, Write};

use super::records::{keys, row_of, value_of};
use super::{apply_ok, assert_refused, count, get_row, insert, race, users_at_once};
use crate::fixtures::{self, next_version};

pub async fn a_key_is_inserted_once(store: Arc<dyn Store>) {
    for table in TABLES.iter().copied() {
        let first = row_of(table, 1);
        let mut second = row_of(table, 2);
        second.values[0] = first.key().clone();
        apply_ok(&*store, vec![Write::Insert(first.clone())]).await;
        let refused = store.apply(vec![Write::Insert(second)]).await;
        assert_refused!(refused, ApplyError::Taken(key) if key == table.key());
        let stored = get_row(&*store, table, first.key().clone()).await;
        assert!(stored == Some(first), "{}", table.name);
    }
}

/// Also if another row sets the value, and if the value names another index in the text of the database's error.
pub async fn a_unique_value_belongs_to_one_row(store: Arc<dyn Store>) {
    for table in TABLES.iter().copied() {
        for column in table.unique.iter().copied() {
            let (mut first, mut second) = (row_of(table, 1), row_of(table, 1));
            let third = row_of(table, 2);
            let position = table.position(column);
            let kind = table.columns[position].kind;
            let value = match value_of(kind, fixtures::unique(), false) {
                Value::Text(text) => format!("users_username_key'{text}").into(),
                value => value,
            };
            first.values[position] = value.clone();
            second.values[position] = value.clone();
            let inserts = [first, third.clone()].map(Write::Insert);
            apply_ok(&*store, inserts.into()).await;
            let update = Write::Update {
                table,
                key: third.key().clone(),
                set: vec![(column, value)],
                when: Vec::new(),
            };
            for write in [
                Write::Insert(second.clone()),
                Write::Put(second.clone()),
                update,
            ] {
                let refused = store.apply(vec![write]).await;
                assert_refused!(refused, ApplyError::Taken(taken) if taken == column);
            }
            let stored = get_row(&*store, table, third.key().clone()).await;
            assert!(stored == Some(third), "{table}.{column}");
        }
    }
}

/// Lengths of runs of inserts. A store may use several statements for one.
const RUNS: [usize; 6] = [2, 3, 4, 7, 13, 75];

/// The unique columns of users.
const COLUMNS: [&str; 3] = ["id", User::USERNAME_KEY, User::EMAIL_KEY];

/// A user with this column's value of another user.
fn with_value_of(other: &User, column: &str) -> User {
    let (user, other) = (fixtures::user(), other.clone());
    match column {
        User::USERNAME_KEY => User {
            username: other.username,
            ..user
        },
        User::EMAIL_KEY => User {
            email: other.email,
            ..user
        },
        _ => User {
            id: other.id,
            ..user
        },
    }
}

fn run_of(length: usize) -> Vec<User> {
    (0..length).map(|_| fixtures::user()).collect()
}

fn inserts(users: &[User]) -> Vec<Write> {
    users.iter().map(Write::insert).collect()
}

/// The value belongs to a stored row, or to another row of the run. No row of the run remains.
pub async fn a_run_of_inserts_names_the_taken_column_at_each_position(store: Arc<dyn Store>) {
    let stored = fixtures::user();
    insert(&*store, &stored).await;
    let most = users_at_once(&*store) - 1;
    for length in RUNS.into_iter().filter(|length| *length <= most) {
        for (position, column) in (0..length).flat_map(|position| COLUMNS.map(|of| (position, of)))
        {
            let mut taken = run_of(length);
            taken[position] = with_value_of(&stored, column);
            let mut twice = run_of(length);
            twice.push(with_value_of(&twice[position], column));
            for run in [taken, twice] {
                let refused = store.apply(inserts(&run)).await;
                assert_refused!(refused, ApplyError::Taken(taken) if taken == column);
                let others = run.iter().filter(|user| user.id != stored.id);
                let found = store.get_all::<User>(others.map(|user| user.id));
                assert_eq!(found.await.unwrap(), []);
            }
        }
    }
}

pub async fn a_run_of_inserts_names_the_first_taken_column(store: Arc<dyn Store>) {
    let stored = fixtures::user();
    insert(&*store, &stored).await;
    for (first, second) in [(0, 1), (1, 2), (2, 0), (1, 0)] {
        let mut run = run_of(8);
        run[2] = with_value_of(&stored, COLUMNS[first]);
        run[5] = with_value_of(&stored, COLUMNS[second]);
        let refused = store.apply(inserts(&run)).await;
        assert_refused!(refused, ApplyError::Taken(taken) if taken == COLUMNS[first]);
    }
}

/// Another operation, or an insert into another table, sees the rows of the run before it, and the run after it sees
/// what it did.
pub async fn a_run_of_inserts_ends_at_another_operation(store: Arc<dyn Store>) {
    let (run, key) = (run_of(5), fixtures::signing_key());
    let again = with_value_of(&run[4], User::USERNAME_KEY);
    let between = |write: Write, last: &User| {
        let last = [last.clone(), fixtures::user()];
        [inserts(&run), vec![write], inserts(&last)].concat()
    };
    let stale = Write::check::<SigningKey>(key.kid.as_str(), Vec::new());
    let refused = store.apply(between(stale, &again)).await;
    assert_refused!(refused, ApplyError::Stale);
    let refused = store.apply(between(Write::insert(&key), &again)).await;
    assert_refused!(refused, ApplyError::Taken(User::USERNAME_KEY));
    assert_eq!(keys(&*store).await, []);
    apply_ok(&*store, between(Write::delete::<User>(run[4].id), &again)).await;
    let stored = store.get_all::<User>(vec![run[3].id, run[4].id, again.id]);
    assert_eq!(stored.await.unwrap().len(), 2);
}

pub async fn several_rows_have_no_value_in_a_unique_column(store: Arc<dyn Store>) {
    for table in TABLES.iter().copied() {
        for column in table.unique.iter().map(|name| table.position(name)) {
            if table.columns[column].nullable {
                let mut rows = [row_of(table, 1), row_of(table, 1)];
                rows.iter_mut()
                    .for_each(|row| row.values[column] = Value::Null);
                apply_ok(&*store, rows.map(Write::Insert).into()).await;
            }
        }
    }
}

pub async fn one_of_sixteen_inserts_the_unique_value(store: Arc<dyn Store>) {
    let taken = |error: &ApplyError| matches!(error, ApplyError::Taken("position"));
    let results = race(16, |_| {
        let store = store.clone();
        let key = fixtures::signing_key();
        let key = SigningKey { position: 1, ..key };
        async move { store.apply(vec![Write::insert(&key)]).await }
    });
    assert_eq!(count(results.await, taken), (1, 15));
}

pub async fn one_of_fifty_confirms_the_address(store: Arc<dyn Store>) {
    let address = fixtures::email();
    let mut users = Vec::new();
    for _ in 0..50 {
        let user = User {
            pending_email: Some(fixtures::pending_email(address.clone())),
            ..fixtures::pending_user()
        };
        insert(&*store, &user).await;
        users.push(user);
    }
    let results = race(50, |number| {
        let (store, user) = (store.clone(), users[number].clone());
        async move {
            let confirmed = User {
                email: user.pending_address().cloned(),
                pending_email: None,
                ..next_version(&user)
            };
            store.apply(confirmed.replace(&user)).await
        }
    });
    let taken = |error: &ApplyError| matches!(error, ApplyError::Taken(User::EMAIL_KEY));
    assert_eq!(count(results.await, taken), (1, 49));
    let owner = store
        .find::<User>(User::EMAIL_KEY, address.key())
        .await
        .unwrap()
        .unwrap();
    assert!(users.iter().any(|user| user.id == owner.id));
}

pub async fn a_deleted_row_frees_its_unique_value(store: Arc<dyn Store>) {
    let (old, new) = (fixtures::signing_key(), fixtures::signing_key());
    let new = SigningKey {
        position: old.position,
        ..new
    };
    apply_ok(&*store, vec![Write::insert(&old)]).await;
    let writes = [
        Write::delete::<SigningKey>(old.kid.as_str()),
        Write::insert(&new),
    ];
    apply_ok(&*store, writes.into()).await;
    assert_eq!(keys(&*store).await, [new]);
}

/// C-06: keys are equal only byte by byte, also if the collation folds, trims or equates characters.
pub async fn keys_compare_byte_by_byte(store: Arc<dyn Store>) {
    let number = fixtures::unique();
    let names = [
        format!("ss{number}"),
        format!("ß{number}"),
        format!("a{number}"),
        format!("ä{number}"),
    ];
    for name in &names {
        let user = User {
            username: Some(fixtures::username(name)),
            ..fixtures::user()
        };
        insert(&*store, &user).await;
    }
    for name in &names {
        let found = store
            .find::<User>(User::USERNAME_KEY, name.as_str())
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.username.unwrap().as_str(), name);
    }
    for wrong in [
        format!("A{number}"),
        format!("a{number} "),
        format!(" a{number}"),
        format!("%{number}"),
    ] {
        assert_eq!(
            store
                .find::<User>(User::USERNAME_KEY, wrong.as_str())
                .await
                .unwrap(),
            None,
            "{wrong:?}"
        );
    }
}
