//! Servers with different defaults: another collation, a comparison that equates `a` with `A` and `ä`, an encoding
//! without emoji, another time zone, other rules for transactions. The store must not depend on them.

use std::sync::Arc;

use doorward_domain::model::{TABLES, User, UserFilter};
use doorward_domain::sessions::SessionStore;
use doorward_domain::store::{Records, Store, Write};
use doorward_store_sql::{SqlSettings, SqlStore, migrate};
use doorward_testkit::contract::{lists, queues, records, uniqueness, versions};
use doorward_testkit::fixtures;
use doorward_testkit::servers::{
    MariadbOptions, PostgresOptions, dedicated_mariadb, dedicated_postgres,
};

async fn open(url: String) -> Arc<dyn Store> {
    let settings = SqlSettings::new(url);
    Arc::new(SqlStore::connect(&settings, fixtures::now()).await.unwrap())
}

/// The cases of the contract that compare, sort or store times, each with its own database.
macro_rules! cases {
    ($open:expr; $($noun:ident :: $case:ident),+ $(,)?) => {
        $($noun::$case($open(stringify!($noun), stringify!($case)).await).await;)+
    };
}

macro_rules! all_cases {
    ($open:expr) => {
        cases! { $open;
            records::every_value_comes_back,
            records::a_write_whose_condition_does_not_hold_is_stale,
            records::a_row_is_found_by_each_unique_column,
            records::one_of_sixty_four_uses_the_link,
            records::the_sweep_deletes_expired_rows,
            uniqueness::a_unique_value_belongs_to_one_row,
            uniqueness::keys_compare_byte_by_byte,
            versions::a_replacement_sets_the_columns_that_it_has,
            lists::an_index_orders_and_limits,
            lists::rows_of_one_owner_are_ordered_by_key,
            lists::words_are_found_by_their_beginnings,
            lists::filters_go_together,
            queues::the_longest_due_is_leased_first,
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_sorts_like_turkish() {
    let server = dedicated_postgres(PostgresOptions {
        settings: vec!["timezone=Asia/Kathmandu", "DateStyle=German"],
        ..PostgresOptions::default()
    })
    .await;
    let open = async |noun, case| {
        let name = format!("{noun}_{case}");
        let make = format!(
            "CREATE DATABASE {name} OWNER doorward TEMPLATE template0 ENCODING 'UTF8' \
             LOCALE 'C' LOCALE_PROVIDER icu ICU_LOCALE 'tr-u-ks-level1-kn-true'"
        );
        server.query(&make).await;
        // Only the owner may use its public schema.
        let url = server.url();
        let url = format!("{}{name}", url.strip_suffix("doorward").unwrap());
        let grant = format!("\\c {name}\nGRANT CREATE ON SCHEMA public TO doorward");
        server.query(&grant).await;
        open(url).await
    };
    all_cases!(open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_with_another_collation_and_charset() {
    let server = dedicated_mariadb(MariadbOptions {
        settings: vec![
            "default-time-zone=+05:45",
            "character-set-server=latin1",
            "collation-server=latin1_german1_ci",
            "lower-case-table-names=1",
        ],
        ..MariadbOptions::default()
    })
    .await;
    let open = async |noun, case| {
        // A name has at most 64 characters.
        let name = format!("{noun}_{case}");
        let name = &name[..name.len().min(60)];
        let make = format!("CREATE DATABASE {name}; GRANT ALL ON {name}.* TO doorward@'%'");
        server.query(&make).await;
        let url = server.url();
        open(format!("{}{name}", url.strip_suffix("doorward").unwrap())).await
    };
    all_cases!(open);
}

/// Every kind of write on one node is visible on the other at once.
async fn writes_reach_the_other_node(url: &str) {
    let settings = SqlSettings::new(url);
    let here = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let there = SqlStore::connect(&settings, fixtures::now()).await.unwrap();
    let sessions = |store: &SqlStore| SessionStore::new(Arc::new(store.clone()), None);
    let (sessions_here, sessions_there) = (sessions(&here), sessions(&there));
    for user in [fixtures::admin(), fixtures::user()] {
        let session = fixtures::session(user.id);
        here.apply(user.insert()).await.unwrap();
        sessions_here.open(&session, Vec::new()).await.unwrap();
        let found = sessions_there.find(user.id, &session.digest, fixtures::now());
        assert!(found.await.unwrap().is_some(), "it works on one node only");
        let changed = fixtures::next_version(&user);
        let mut batch = changed.replace(&user);
        batch.push(Write::check::<User>(user.id, Vec::new()));
        there.apply(batch).await.unwrap();
        let ended = sessions_there.delete(user.id, session.id);
        assert!(ended.await.unwrap());
        let found = sessions_here.find(user.id, &session.digest, fixtures::now());
        assert!(found.await.unwrap().is_none());
        let found = here.get::<User>(user.id).await.unwrap();
        assert_eq!(found, Some(changed));
    }
    let all = UserFilter {
        limit: 100,
        ..UserFilter::default()
    };
    let users: Vec<User> = here.list(all.query()).await.unwrap();
    assert_eq!(users.len(), 2);
    for table in TABLES {
        here.sweep(table, fixtures::now()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_that_leaves_every_statement_uncommitted() {
    let server = dedicated_mariadb(MariadbOptions::default()).await;
    let url = server.url();
    migrate(&SqlSettings::new(&url), fixtures::now())
        .await
        .unwrap();
    for settings in [
        "autocommit = 0",
        "completion_type = 1",
        "completion_type = 2",
        "tx_read_only = 1",
        "sql_safe_updates = 1",
        "sql_select_limit = 1",
        "max_join_size = 1",
        "init_connect = 'SET autocommit = 0, completion_type = 1'",
    ] {
        server
            .query("DELETE FROM sessions; DELETE FROM users")
            .await;
        server.query(&format!("SET GLOBAL {settings}")).await;
        writes_reach_the_other_node(&url).await;
        let name = settings.split(' ').next().unwrap();
        let usual = match name {
            "init_connect" => "''",
            _ => "DEFAULT",
        };
        server
            .query(&format!("SET GLOBAL {name} = {usual}; COMMIT"))
            .await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_role_with_its_own_defaults() {
    let server = dedicated_postgres(PostgresOptions::default()).await;
    for setting in [
        "default_transaction_isolation = 'serializable'",
        "default_transaction_deferrable = on",
        "standard_conforming_strings = off",
        "transform_null_equals = on",
        "row_security = off",
        "bytea_output = 'escape'",
    ] {
        let sql = format!("ALTER ROLE doorward SET {setting}");
        server.query(&sql).await;
    }
    writes_reach_the_other_node(&server.url()).await;
    // A role that is read-only by default is reported, not overridden.
    server
        .query("ALTER ROLE doorward SET default_transaction_read_only = on")
        .await;
    let told = SqlStore::connect(&SqlSettings::new(server.url()), fixtures::now()).await;
    let told = told.map(|_| ()).unwrap_err().to_string();
    assert!(told.contains("is read-only"), "{told}");
}
