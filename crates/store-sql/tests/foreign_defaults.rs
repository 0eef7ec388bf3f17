//! Servers whose defaults are not ours: another language's order of letters, a comparison that takes
//! `a` for `A` and `ä`, an encoding that has no emoji, another time zone. Nothing may depend on them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on stops")]

use std::sync::Arc;

use doorward_domain::ports::Store;
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_testkit::contract::{
    admins, audit_events, credentials, links, mail_jobs, signing_keys, uniqueness, user_lists,
    users,
};
use doorward_testkit::fixtures;
use doorward_testkit::servers::{MariadbOptions, PostgresOptions, own_mariadb, own_postgres};

async fn open(url: String) -> Arc<dyn Store> {
    let settings = SqlSettings::new(url);
    Arc::new(SqlStore::connect(&settings, fixtures::now()).await.unwrap())
}

/// The cases of the contract in which something is compared, sorted or told the time, each with a
/// database of its own.
macro_rules! cases {
    ($open:expr; $($noun:ident :: $case:ident),+ $(,)?) => {
        $($noun::$case($open(stringify!($noun), stringify!($case)).await).await;)+
    };
}

macro_rules! all_cases {
    ($open:expr) => {
        cases! { $open;
            users::every_field_comes_back,
            users::the_longest_values_come_back,
            users::keys_compare_byte_by_byte,
            uniqueness::a_username_is_unique,
            uniqueness::a_confirmed_address_is_unique,
            user_lists::users_come_in_pages,
            user_lists::a_search_ignores_letter_case,
            user_lists::a_search_takes_signs_literally,
            user_lists::filters_go_together,
            user_lists::pending_users_end_at_the_edge,
            admins::some_admin_must_stay_active,
            credentials::a_hash_is_renewed_only_while_it_is_the_old_one,
            links::a_link_dies_at_its_moment,
            mail_jobs::the_oldest_is_claimed_first,
            signing_keys::a_rotation_upon_another_key_is_stale,
            audit_events::every_field_comes_back,
            audit_events::filters_go_together,
        }
    };
}

#[tokio::test(flavor = "multi_thread")]
async fn a_postgres_that_sorts_like_turkish() {
    let server = own_postgres(PostgresOptions {
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
        // Its public schema is nobody's but the owner's.
        let url = server.url();
        let url = format!("{}{name}", url.strip_suffix("doorward").unwrap());
        let grant = format!("\\c {name}\nGRANT CREATE ON SCHEMA public TO doorward");
        server.query(&grant).await;
        open(url).await
    };
    all_cases!(open);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mariadb_that_takes_letters_for_one_another() {
    let server = own_mariadb(MariadbOptions {
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
        // A name has 64 letters at most.
        let name = format!("{noun}_{case}");
        let name = &name[..name.len().min(60)];
        let make = format!("CREATE DATABASE {name}; GRANT ALL ON {name}.* TO doorward@'%'");
        server.query(&make).await;
        let url = server.url();
        open(format!("{}{name}", url.strip_suffix("doorward").unwrap())).await
    };
    all_cases!(open);
}
