//! Import and export of users.

use doorward_domain::factors::{
    ExportedFactors, ExportedTotp, FactorName, TotpParameters, TotpSecret,
};
use doorward_domain::model::{
    Credential, PendingEmail, RequestedBy, Status, User, Version, VoidUndoLinks,
};
use doorward_domain::store::Records;
use doorward_domain::transfer::{
    BatchPacer, DryRun, ImportOutcome, ImportRejection, ImportedUser, derive_id,
};
use doorward_domain::values::{Data, Locale, Role, UserId};
use doorward_domain::{Actor, Error};

use crate::test_node::*;

const DJANGO: &str =
    "pbkdf2_sha256$1000$seasalt1seasalt1seasal$u+YhnIbIPDoX1WSsbNmrmMSpbARbhL+fa21NzFlAkqI=";
const DJANGO_PASSWORD: &str = "пароль from Django";

fn person(number: u8, name: &str) -> User {
    let at = "2020-02-20T20:20:20Z".parse().unwrap();
    User {
        id: UserId::from_bytes([number; 16]),
        username: Some(username(name)),
        email: Some(email(&format!("{name}@example.com"))),
        pending_email: None,
        name: None,
        role: Role::User,
        status: Status::Active,
        data: Data::default(),
        locale: Locale::De,
        preferred_locale: None,
        deletion: None,
        invitation: None,
        security_epoch: 3,
        void_undo_links: VoidUndoLinks::default(),
        version: Version(9),
        created_at: at,
        updated_at: at,
    }
}

fn imported(user: User) -> ImportedUser {
    let set_at = user.created_at;
    ImportedUser::new(user, Some((secret(DJANGO), set_at))).unwrap()
}

fn refused(rejection: ImportRejection) -> ImportOutcome {
    ImportOutcome::Rejected(rejection)
}

async fn import(node: &TestNode, batch: &[ImportedUser]) -> Vec<ImportOutcome> {
    try_import(node, &mut BatchPacer::default(), batch)
        .await
        .unwrap()
}

async fn try_import(
    node: &TestNode,
    pace: &mut BatchPacer,
    batch: &[ImportedUser],
) -> Result<Vec<ImportOutcome>, Error> {
    let operator = node.operator();
    let doorward = &node.doorward;
    doorward
        .user_import
        .import(&operator, "django", pace, batch)
        .await
}

#[tokio::test]
async fn an_imported_user_signs_in_with_the_old_password_which_is_rehashed() {
    let node = TestNode::new().await;
    let ben = person(1, "ben");
    let done = import(&node, &[imported(ben.clone())]).await;
    assert_eq!(done, [ImportOutcome::Imported]);
    assert_eq!(node.stored_user(&ben).await, ben);
    assert_err!(
        node.try_sign_in("ben", "another password").await,
        Error::InvalidCredentials
    );
    node.try_sign_in("ben", DJANGO_PASSWORD).await.unwrap();
    let kept = node.store.get::<Credential>(ben.id).await.unwrap().unwrap();
    assert!(kept.data.expose().starts_with("$argon2id$"));
    node.try_sign_in("ben@example.com", DJANGO_PASSWORD)
        .await
        .unwrap();
}

/// A batch is one write, with an audit event for each new admin.
#[tokio::test]
async fn a_batch_is_one_write_with_its_audit_events() {
    let node = TestNode::new().await;
    let admin = User {
        role: Role::Admin,
        ..person(2, "ada")
    };
    let batch = [imported(person(1, "ben")), imported(admin.clone())];
    node.clear_cache();
    import(&node, &batch).await;
    let calls = node.spy.take_calls();
    assert_eq!(
        calls,
        ["credentials", "users", "deleted_users", "rosters", "apply"]
    );
    let lines = node.spy.take_audited();
    let told: Vec<_> = lines
        .iter()
        .map(|line| (line.event.as_str(), line.user_id, line.detail.as_deref()))
        .collect();
    let of_ada = ("role-changed", Some(admin.id), Some("admin"));
    let of_all = ("sign-up", None, Some("2 imported from django"));
    assert_eq!(told, [of_ada, of_all]);
}

/// A store inserts consecutive rows of a table together.
#[tokio::test]
async fn the_rows_of_a_table_follow_each_other_in_a_batch() {
    let node = TestNode::new().await;
    let admin = User {
        role: Role::Admin,
        ..person(2, "ada")
    };
    let users = [person(1, "ben"), admin, person(3, "eve")];
    let users = users.map(|user| {
        let signed_in_at = user.created_at;
        imported(user).with_last_sign_in(Some(signed_in_at))
    });
    node.spy.take_writes();
    import(&node, &users).await;
    let mut writes = node.spy.take_writes();
    writes.dedup();
    let inserts = [
        "users",
        "search_words",
        "credentials",
        "last_sign_ins",
        "audit_events",
    ];
    let inserts = inserts.map(|table| format!("insert {table}"));
    writes.retain(|write| !write.contains("rosters"));
    assert_eq!(writes, inserts);
}

#[tokio::test]
async fn a_rejected_user_does_not_affect_others_and_the_first_gets_the_name() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let with_address = |user: User, address: &str| User {
        email: Some(email(address)),
        ..user
    };
    let mut batch: Vec<_> = (10..30)
        .map(|number| imported(person(number, &format!("user{number}"))))
        .collect();
    batch.insert(3, imported(person(1, "BEN")));
    batch.insert(7, imported(person(2, "User12")));
    batch.insert(
        11,
        imported(with_address(person(3, "carl"), "User13@example.com")),
    );
    let done = import(&node, &batch).await;
    for (at, outcome) in done.into_iter().enumerate() {
        let expected = match at {
            3 | 7 => refused(ImportRejection::UsernameTaken),
            11 => refused(ImportRejection::EmailTaken),
            _ => ImportOutcome::Imported,
        };
        assert_eq!(outcome, expected, "{at}");
    }
    assert!(node.stored_session(&person(3, "carl")).await.is_none());
}

/// After a `kill -9` the same file is imported again.
#[tokio::test]
async fn a_user_with_the_same_id_was_imported_before() {
    let node = TestNode::new().await;
    let nobody_special = || User {
        pending_email: Some(PendingEmail {
            address: email("dora@example.com"),
            requested_at: "2026-11-21T08:00:00Z".parse().unwrap(),
            requested_by: RequestedBy::User,
        }),
        username: None,
        email: None,
        status: Status::Pending,
        ..person(4, "dora")
    };
    let passwordless = || ImportedUser::new(nobody_special(), None).unwrap();
    let first = [imported(person(1, "ben")), passwordless()];
    import(&node, &first).await;
    node.try_sign_in("ben", DJANGO_PASSWORD).await.unwrap();
    let again = [
        imported(User {
            name: Some(doorward_domain::values::Name::parse("Ben").unwrap()),
            ..person(1, "ben")
        }),
        passwordless(),
        imported(person(2, "eve")),
        imported(person(2, "eve")),
        imported(person(2, "other")),
        imported(person(1, "mallory")),
    ];
    let operator = node.operator();
    let mut dry = DryRun::default();
    let foretold = node
        .doorward
        .import_dry_run
        .check_import(&operator, &mut dry, &again)
        .await
        .unwrap();
    let done = import(&node, &again).await;
    let expected = [
        ImportOutcome::AlreadyExists,
        ImportOutcome::AlreadyExists,
        ImportOutcome::Imported,
        ImportOutcome::AlreadyExists,
        refused(ImportRejection::IdTaken),
        refused(ImportRejection::IdTaken),
    ];
    assert_eq!(done, expected);
    assert_eq!(foretold, expected);
    // Neither the username nor the hash of ben was restored.
    assert_eq!(node.stored_user(&person(1, "ben")).await.name, None);
    let kept = node
        .store
        .get::<Credential>(person(1, "ben").id)
        .await
        .unwrap();
    assert!(kept.unwrap().data.expose().starts_with("$argon2id$"));
}

/// A repeated import in the order of ids looks up no single user. In another order it looks up some.
#[tokio::test]
async fn existing_users_are_found_in_any_order() {
    let node = TestNode::new().await;
    let people = |numbers: &[u8]| -> Vec<_> {
        let one = |number: &u8| imported(person(*number, &format!("user{number}")));
        numbers.iter().map(one).collect()
    };
    import(&node, &people(&[2, 4, 6, 8, 10, 12])).await;
    node.clear_cache();
    let done = import(&node, &people(&[4, 6, 8])).await;
    assert!(done.iter().all(|one| *one == ImportOutcome::AlreadyExists));
    assert_eq!(node.spy.take_calls(), ["credentials", "users"]);
    let done = import(&node, &people(&[12, 3, 2, 13, 8])).await;
    let there: Vec<_> = done
        .iter()
        .map(|one| *one == ImportOutcome::AlreadyExists)
        .collect();
    assert_eq!(there, [true, false, true, false, true]);
    let without = |number| ImportedUser::new(person(number, &format!("bare{number}")), None);
    let bare = [without(200).unwrap(), without(201).unwrap()];
    for expected in [ImportOutcome::Imported, ImportOutcome::AlreadyExists] {
        let done = import(&node, &bare).await;
        assert!(done.iter().all(|one| *one == expected), "{done:?}");
    }
}

#[tokio::test]
async fn a_dry_run_writes_nothing_and_predicts_the_result() {
    let node = TestNode::new().await;
    node.active("ben").await;
    let batches = [
        vec![imported(person(1, "ben")), imported(person(2, "eve"))],
        vec![
            imported(User {
                email: None,
                ..person(3, "Eve")
            }),
            imported(User {
                username: None,
                ..person(4, "eve")
            }),
        ],
    ];
    let operator = node.operator();
    node.clear_cache();
    let mut dry = DryRun::default();
    let mut foretold = Vec::new();
    for batch in &batches {
        let check = node
            .doorward
            .import_dry_run
            .check_import(&operator, &mut dry, batch);
        foretold.extend(check.await.unwrap());
    }
    assert!(!node.spy.take_calls().contains(&"apply"));
    let expected = [
        refused(ImportRejection::UsernameTaken),
        ImportOutcome::Imported,
        refused(ImportRejection::UsernameTaken),
        refused(ImportRejection::EmailTaken),
    ];
    assert_eq!(foretold, expected);
    let mut done = import(&node, &batches[0]).await;
    done.extend(import(&node, &batches[1]).await);
    assert_eq!(done, expected);
}

#[test]
fn invalid_users_are_rejected_before_the_store_is_queried() {
    let ben = || person(1, "ben");
    let with = |change: &dyn Fn(&mut User)| {
        let mut user = ben();
        change(&mut user);
        ImportedUser::new(user, None).map(|_| ())
    };
    assert_eq!(with(&|_| {}), Ok(()));
    for (change, rejection) in [
        (
            &(|user: &mut User| (user.username, user.email) = (None, None)) as &dyn Fn(&mut User),
            ImportRejection::NoIdentifier,
        ),
        (
            &|user| user.status = Status::Pending,
            ImportRejection::NoPendingEmail,
        ),
        (
            &|user| user.id = UserId::from_bytes([0; 16]),
            ImportRejection::IdInvalid,
        ),
        (
            &|user| user.version = Version(0),
            ImportRejection::CounterOutOfRange,
        ),
        (
            &|user| user.version = Version(i64::MAX),
            ImportRejection::CounterOutOfRange,
        ),
        (
            &|user| user.security_epoch = 0,
            ImportRejection::CounterOutOfRange,
        ),
        (
            &|user| user.security_epoch = i64::MAX,
            ImportRejection::CounterOutOfRange,
        ),
    ] {
        assert_eq!(with(change), Err(rejection));
    }
    let at = ben().created_at;
    let unreadable = ImportedUser::new(ben(), Some((secret("md5$x$5f4dcc3b"), at)));
    assert_eq!(unreadable.unwrap_err().code(), "password-unreadable");
}

#[tokio::test]
async fn only_the_operator_imports_and_exports_users() {
    let node = TestNode::new().await;
    node.admin("ada").await;
    let ada = node.sign_in("ada").await;
    let batch = [imported(person(1, "ben"))];
    for ctx in [node.of(&ada), node.anonymous(), node.worker()] {
        let mut pace = BatchPacer::default();
        let refused = node
            .doorward
            .user_import
            .import(&ctx, "django", &mut pace, &batch);
        assert_err!(refused.await, Error::Forbidden);
        assert_err!(
            node.doorward
                .import_dry_run
                .check_import(&ctx, &mut DryRun::default(), &batch)
                .await,
            Error::Forbidden
        );
        assert_err!(
            node.doorward.user_export.export(&ctx, None, 10).await,
            Error::Forbidden
        );
        assert!(!matches!(ctx.actor, Actor::CommandLine));
    }
}

#[tokio::test]
async fn a_batch_that_failed_in_the_store_can_be_repeated() {
    let node = TestNode::new().await;
    let batch = [imported(person(1, "ben")), imported(person(2, "eve"))];
    node.spy.fail("apply");
    assert_err!(
        try_import(&node, &mut BatchPacer::default(), &batch).await,
        Error::Store(_)
    );
    node.spy.clear_failures();
    let done = import(&node, &batch).await;
    assert_eq!(done, [ImportOutcome::Imported, ImportOutcome::Imported]);
}

/// Over a slow connection a large write times out. The next batch starts with the size that worked.
#[tokio::test]
async fn a_batch_too_large_for_one_write_is_split() {
    let node = TestNode::new().await;
    node.spy.take_at_most(3);
    let mut pace = BatchPacer::default();
    let people = |from: u8, to: u8| -> Vec<_> {
        (from..to)
            .map(|number| imported(person(number, &format!("user{number}"))))
            .collect()
    };
    let writes = || {
        let calls = node.spy.take_calls();
        calls.iter().filter(|call| **call == "apply").count()
    };
    for (from, to, expected) in [(1, 41, 14..=20), (41, 71, 10..=16), (71, 101, 10..=18)] {
        node.clear_cache();
        let done = try_import(&node, &mut pace, &people(from, to)).await;
        let is_in = |one: &ImportOutcome| *one == ImportOutcome::Imported;
        assert!(done.unwrap().iter().all(is_in), "from {from}");
        let writes = writes();
        assert!(expected.contains(&writes), "from {from}: {writes}");
    }
    node.spy.take_at_most(usize::MAX);
    let done = try_import(&node, &mut pace, &people(101, 250)).await;
    assert_eq!(done.unwrap().len(), 149);
    let grown = writes();
    assert!((22..60).contains(&grown), "{grown}");
    // Not even a single user.
    node.spy.take_at_most(0);
    let failed = try_import(&node, &mut pace, &people(250, 255)).await;
    assert_err!(failed, Error::Store(_));
    assert!(writes() <= 4);
}

/// Each authenticator is a write of its own: fewer users fit into a transaction.
#[tokio::test]
async fn users_with_many_factors_are_split_by_the_limit_of_the_store() {
    let node = TestNode::new().await;
    let phone = || ExportedTotp {
        id: None,
        name: FactorName::default(),
        secret: TotpSecret::new(vec![1; 20]).unwrap(),
        parameters: TotpParameters::default(),
        created_at: node.now(),
    };
    let one = |number: u8| {
        let factors = ExportedFactors {
            totp: (0..10).map(|_| phone()).collect(),
            ..ExportedFactors::default()
        };
        let user = imported(person(number, &format!("user{number}")));
        user.with_factors(factors).unwrap()
    };
    let users: Vec<_> = (1..=12).map(one).collect();
    node.spy.take_calls();
    let done = import(&node, &users).await;
    assert!(done.iter().all(|one| *one == ImportOutcome::Imported));
    let calls = node.spy.take_calls();
    let batches = calls.iter().filter(|call| **call == "apply").count();
    assert_eq!(batches, 4, "three users in a hundred writes");
    let user_export = &node.doorward.user_export;
    let exported = user_export
        .export(&node.operator(), None, 20)
        .await
        .unwrap();
    let of_all = exported.iter().map(|user| user.factors.as_ref().unwrap());
    assert!(of_all.into_iter().all(|factors| factors.totp.len() == 10));
}

/// The id is part of the key that counts wrong codes: another one would start at zero.
#[tokio::test]
async fn an_imported_authenticator_keeps_its_id() {
    let node = TestNode::new().await;
    let with_phone = |number, name, id: &str| {
        let phone = ExportedTotp {
            id: Some(id.parse().unwrap()),
            name: FactorName::default(),
            secret: TotpSecret::new(vec![1; 20]).unwrap(),
            parameters: TotpParameters::default(),
            created_at: node.now(),
        };
        let factors = ExportedFactors {
            totp: vec![phone],
            ..ExportedFactors::default()
        };
        imported(person(number, name))
            .with_factors(factors)
            .unwrap()
    };
    let id = "0193d2a0-0000-7000-8000-00000000aaaa";
    let users = [with_phone(1, "ben", id), with_phone(2, "eve", id)];
    let done = import(&node, &users).await;
    let taken = ImportOutcome::Rejected(ImportRejection::IdTaken);
    assert_eq!(done, [ImportOutcome::Imported, taken]);
    let user_export = &node.doorward.user_export;
    let exported = user_export
        .export(&node.operator(), None, 10)
        .await
        .unwrap();
    let [ben] = &exported[..] else {
        panic!("eve was imported")
    };
    let exported_id = ben.factors.as_ref().unwrap().totp[0].id.unwrap();
    assert_eq!(exported_id.to_string(), id);
}

/// A database that another master key was used with, such as before it was lost.
#[tokio::test]
async fn an_export_skips_an_authenticator_that_another_master_key_sealed() {
    let node = TestNode::new().await;
    let other = node.cold_node(2, &[9; 32]);
    let phone = |name: &str| ExportedTotp {
        id: None,
        name: FactorName::parse(name).unwrap(),
        secret: TotpSecret::new(vec![1; 20]).unwrap(),
        parameters: TotpParameters::default(),
        created_at: node.now(),
    };
    let with_phone = |number, name| {
        let factors = ExportedFactors {
            totp: vec![phone(name)],
            recovery_codes: vec!["A".repeat(22)],
            ..ExportedFactors::default()
        };
        let user = imported(person(number, &format!("user{number}")));
        user.with_factors(factors).unwrap()
    };
    import(&node, &[with_phone(1, "Own")]).await;
    import(&other, &[with_phone(2, "Foreign")]).await;
    let user_export = &node.doorward.user_export;
    let exported = user_export
        .export(&node.operator(), None, 10)
        .await
        .unwrap();
    let [own, foreign] = [0, 1].map(|number| exported[number].factors.as_ref().unwrap());
    assert_eq!((own.totp.len(), own.recovery_codes.len()), (1, 1));
    assert!(own.skipped.is_empty());
    assert!(foreign.is_empty(), "codes alone could not be imported");
    let skipped: Vec<_> = foreign.skipped.iter().map(FactorName::as_str).collect();
    assert_eq!(skipped, ["Foreign"]);
}

/// If the response to a commit is lost, its outcome is checked, so it is not reported as failed.
#[tokio::test]
async fn a_write_whose_reply_was_lost_counts_as_done() {
    let node = TestNode::new().await;
    let batch = [imported(person(1, "ben")), imported(person(2, "eve"))];
    node.spy.lose_reply();
    let done = import(&node, &batch).await;
    assert_eq!(done, [ImportOutcome::Imported, ImportOutcome::Imported]);
    let again = import(&node, &batch).await;
    assert_eq!(
        again,
        [ImportOutcome::AlreadyExists, ImportOutcome::AlreadyExists]
    );
}

#[tokio::test]
async fn an_export_pages_through_all_users_with_their_passwords() {
    let node = TestNode::new().await;
    let people: Vec<_> = (1..=5)
        .map(|number| person(number, &format!("user{number}")))
        .collect();
    let mut batch: Vec<_> = people.iter().cloned().map(imported).collect();
    batch[4] = ImportedUser::new(people[4].clone(), None).unwrap();
    import(&node, &batch).await;
    let operator = node.operator();
    let (mut exported, mut after) = (Vec::new(), None);
    for _ in 0..4 {
        let page = node
            .doorward
            .user_export
            .export(&operator, after, 2)
            .await
            .unwrap();
        after = page.last().map(|last| last.user.id);
        let is_last = page.len() < 2;
        exported.extend(page);
        if is_last {
            break;
        }
    }
    assert_eq!(exported.len(), 5);
    for (exported, person) in exported.iter().zip(&people) {
        assert_eq!(&exported.user, person);
        let hash = exported
            .credential
            .as_ref()
            .map(|kept| kept.data.expose().as_str());
        let expected = (person.id != people[4].id).then_some(DJANGO);
        assert_eq!(hash, expected);
    }
}

#[test]
fn a_derived_id_is_deterministic_and_sorts_by_time() {
    let (early, late) = (
        "2019-01-01T00:00:00Z".parse().unwrap(),
        "2020-01-01T00:00:00Z".parse().unwrap(),
    );
    let id = derive_id("django", "42", early);
    assert_eq!(id, derive_id("django", "42", early));
    assert_ne!(id, derive_id("django", "43", early));
    assert_ne!(id, derive_id("firebase", "42", early));
    assert!(id < derive_id("django", "1", late));
    assert_eq!(id.to_string().as_bytes()[14], b'7');
}

/// R-16, L-05: a deleted user is not imported under the old id, which the audit log still contains. Other users of
/// the batch are imported.
#[tokio::test]
async fn a_deleted_user_is_not_imported_again() {
    let node = TestNode::new().await;
    let ben = person(1, "ben");
    import(&node, &[imported(ben.clone())]).await;
    let (doorward, operator) = (&node.doorward, node.operator());
    doorward
        .deletion
        .delete(&operator, "ben", None)
        .await
        .unwrap();
    // At once, not only when its audit event is sealed.
    for (number, name) in [(2, "ada"), (3, "eve")] {
        let again = [imported(ben.clone()), imported(person(number, name))];
        let expected = [refused(ImportRejection::IdDeleted), ImportOutcome::Imported];
        let mut seen = DryRun::default();
        let would = doorward
            .import_dry_run
            .check_import(&operator, &mut seen, &again)
            .await;
        assert_eq!(would.unwrap(), expected);
        assert_eq!(import(&node, &again).await, expected);
        assert_eq!(node.stored_session(&ben).await, None);
        node.advance(seconds(10));
        doorward.audit_chain.seal(&node.worker()).await.unwrap();
    }
}
