//! A record that the domain does not have: its keys and index entries follow from its declaration.

use doorward_domain::store::{
    ApplyError, BadRow, Condition, Kind, Query, ReadStore, Record, Records, Row, RowReader, Store,
    Table, Value, Write,
};
use doorward_testkit::fixtures;

use crate::contract::connect;

/// An invitation.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Invitation {
    id: [u8; 16],
    code: Option<String>,
    team: String,
    ends_at: i64,
    taken_at: Option<i64>,
}

impl Record for Invitation {
    const TABLE: &'static Table = &Table {
        unique: &["code"],
        expires: Some("ends_at"),
        indexes: &[&["team", "ends_at"], &["ends_at"], &["taken_at"]],
        null_listed: &[&["taken_at"]],
        columns: &[
            Kind::Id.column("id"),
            Kind::Key.nullable("code"),
            Kind::Key.column("team"),
            Kind::Int.column("ends_at"),
            Kind::Int.nullable("taken_at"),
        ],
        ..Table::new("invitations")
    };

    fn to_row(&self) -> Row {
        Self::row([
            ("id", self.id.as_slice().into()),
            ("code", self.code.as_deref().into()),
            ("team", self.team.as_str().into()),
            ("ends_at", self.ends_at.into()),
            ("taken_at", self.taken_at.into()),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            id: row.array("id")?,
            code: row.opt_text("code")?,
            team: row.text("team")?,
            ends_at: row.int("ends_at")?,
            taken_at: row.opt_int("taken_at")?,
        })
    }
}

fn invitation(number: u8) -> Invitation {
    Invitation {
        id: [number; 16],
        code: Some(format!("code-{}-{number}", fixtures::unique())),
        team: ["red", "blue"][usize::from(number % 2)].to_owned(),
        ends_at: i64::from(number) - 5,
        taken_at: None,
    }
}

async fn numbers(store: &dyn Store, query: Query) -> Vec<u8> {
    let found: Vec<Invitation> = store.list(query).await.unwrap();
    found.into_iter().map(|one| one.id[0]).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_record_is_found_through_its_indexes() {
    let store = connect().await;
    let all: Vec<_> = (1..=9).map(invitation).collect();
    let inserts = all.iter().rev().map(Write::insert);
    store.apply(inserts.collect()).await.unwrap();

    let of_team = |team: &str| Query::by::<Invitation>(&["team", "ends_at"]).equal(team);
    let by_end = || Query::by::<Invitation>(&["ends_at"]);
    let waiting = || Query::by::<Invitation>(&["taken_at"]).equal(Value::Null);
    for (query, expected) in [
        (
            Query::by::<Invitation>(&[]),
            vec![1, 2, 3, 4, 5, 6, 7, 8, 9],
        ),
        (of_team("red"), vec![2, 4, 6, 8]),
        (of_team("red").above(-1).at_most(1), vec![6]),
        (of_team("blue").descending().limit(2), vec![9, 7]),
        (of_team("green"), vec![]),
        (by_end().at_most(-3), vec![1, 2]),
        (by_end().above(-1).limit(2), vec![5, 6]),
        (
            by_end().only(Condition::is("team", "blue")).limit(2),
            vec![1, 3],
        ),
        (waiting().limit(3), vec![1, 2, 3]),
    ] {
        assert_eq!(numbers(&*store, query.clone()).await, expected, "{query:?}");
    }
    assert_eq!(store.count_rows(by_end().above(0)).await.unwrap(), 4);

    let take = Write::update::<Invitation, 1>(
        [3_u8; 16].as_slice(),
        [("taken_at", Value::Int(7))],
        vec![Condition::is_null("taken_at")],
    );
    store.apply(vec![take.clone()]).await.unwrap();
    let again = store.apply(vec![take]).await;
    assert!(matches!(again, Err(ApplyError::Stale)), "{again:?}");
    assert_eq!(numbers(&*store, waiting().limit(3)).await, [1, 2, 4]);
    let taken = Query::by::<Invitation>(&["taken_at"]).above(0);
    assert_eq!(numbers(&*store, taken).await, [3]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_unique_values_of_a_new_record_are_unique() {
    let store = connect().await;
    let (first, second) = (invitation(1), invitation(2));
    store.apply(vec![Write::insert(&first)]).await.unwrap();
    store.apply(vec![Write::insert(&second)]).await.unwrap();
    let code = first.code.clone().unwrap();
    let rename = |key: [u8; 16], code: Value| {
        Write::update::<Invitation, 1>(key.as_slice(), [("code", code)], Vec::new())
    };
    let taken = store.apply(vec![rename(second.id, code.as_str().into())]);
    let taken = taken.await;
    assert!(matches!(taken, Err(ApplyError::Taken("code"))), "{taken:?}");

    // In one batch the value moves from one row to the other.
    let moves = vec![
        rename(first.id, Value::Null),
        rename(second.id, code.as_str().into()),
    ];
    store.apply(moves).await.unwrap();
    let owner: Option<Invitation> = store.find("code", code.as_str()).await.unwrap();
    assert_eq!(owner.unwrap().id, second.id);
    let old = second.code.as_deref().unwrap();
    assert_eq!(store.find::<Invitation>("code", old).await.unwrap(), None);

    store
        .apply(vec![Write::delete::<Invitation>(second.id.as_slice())])
        .await
        .unwrap();
    let freed = store
        .find::<Invitation>("code", code.as_str())
        .await
        .unwrap();
    assert_eq!(freed, None);
}
