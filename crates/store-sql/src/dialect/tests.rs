use super::error_codes::index_name;
use super::*;

#[test]
fn every_database_names_the_unique_index_in_its_own_way() {
    let sqlite = |code, columns: &str| {
        index_name(
            None,
            Some(code),
            &format!("UNIQUE constraint failed: {columns}"),
        )
    };
    let mysql = |message| index_name(None, Some("23000"), message);
    for (actual, expected) in [
        (
            index_name(
                Some("users_username_key"),
                Some("23505"),
                "duplicate key value …",
            ),
            "users_username_key",
        ),
        (
            index_name(Some("users_pkey"), Some("23505"), "duplicate key value …"),
            "primary",
        ),
        (sqlite("2067", "users.username_key"), "users_username_key"),
        (
            sqlite("2067", "users.email, users.kind"),
            "users_email_kind",
        ),
        (sqlite("1555", "users.id"), "primary"),
        (
            mysql("Duplicate entry 'ben' for key 'users_username_key'"),
            "users_username_key",
        ),
        (
            mysql("Duplicate entry 'ben' for key 'users.users_username_key'"),
            "users_username_key",
        ),
        (
            mysql("Duplicate entry 'x' for key 'users_email_key' for key 'users_username_key'"),
            "users_username_key",
        ),
        (
            mysql("Duplicate entry '\\x00' for key 'PRIMARY'"),
            "primary",
        ),
        (
            mysql("Duplicate entry '\\x00' for key 'users.PRIMARY'"),
            "primary",
        ),
    ] {
        assert_eq!(actual.as_deref(), Some(expected));
    }
    assert_eq!(mysql("something else"), None);
}

#[test]
fn placeholders_are_numbered_for_postgresql_alone() {
    let sql = "UPDATE t SET a = ?, b = ? WHERE id = ?";
    assert_eq!(
        Dialect::Postgres.sql(sql),
        "UPDATE t SET a = $1, b = $2 WHERE id = $3"
    );
    assert_eq!(Dialect::Mysql.sql(sql), sql);
    assert_eq!(Dialect::Sqlite.sql("SELECT 1"), "SELECT 1");
    assert_eq!(Dialect::Postgres.sql("SELECT 1"), "SELECT 1");
}

#[test]
fn a_migration_is_left_with_no_placeholder() {
    for dialect in [Dialect::Sqlite, Dialect::Postgres, Dialect::Mysql] {
        let script = dialect.ddl("{id} {digest} {key} {text} {int} {blob} {table}");
        assert!(!script.contains(['{', '}']), "{script}");
    }
}

#[test]
fn the_scheme_of_the_url_picks_the_dialect() {
    for (url, expected) in [
        ("sqlite:data/doorward.db", Some(Dialect::Sqlite)),
        ("postgres://h/d", Some(Dialect::Postgres)),
        ("postgresql://h/d", Some(Dialect::Postgres)),
        ("mysql://h/d", Some(Dialect::Mysql)),
        ("mariadb://h/d", Some(Dialect::Mysql)),
        ("dynamodb:table", None),
        ("doorward.db", None),
    ] {
        assert_eq!(Dialect::of_url(url), expected, "{url}");
    }
}
