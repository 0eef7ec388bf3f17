//! Queries about the server itself: its version, its settings, the connection's encryption.
//!
//! A compatible engine may not support the less important ones; the caller then skips them.

use super::Dialect;

/// Settings with which a confirmed commit may be lost.
pub(crate) struct Weakness {
    /// Returns one row for each unsafe setting, `name = value` in its first column.
    pub(crate) question: &'static str,
    pub(crate) hint: &'static str,
}

impl Dialect {
    /// One row: `read_only` is 0 if the server accepts writes.
    pub(crate) fn is_read_only(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                "SELECT CAST(CASE WHEN pg_is_in_recovery() OR current_setting('transaction_read_only') = 'on' \
                 THEN 1 ELSE 0 END AS BIGINT) AS read_only",
            ),
            // A number on most, a word on the newest MariaDB.
            Self::Mysql => Some(
                "SELECT CAST(CONCAT(@@global.read_only) NOT IN ('0', 'OFF') AS SIGNED) AS read_only",
            ),
        }
    }

    /// One row: `version` as the server spells it, and the `encoding` of the database.
    pub(crate) fn version(self) -> Option<&'static str> {
        match self {
            // Reads the file, which may not be a database.
            Self::Sqlite => Some(
                "SELECT sqlite_version() AS version, 'UTF8' AS encoding FROM (SELECT COUNT(*) FROM sqlite_master)",
            ),
            Self::Postgres => Some(
                "SELECT current_setting('server_version') AS version, current_setting('server_encoding') AS encoding",
            ),
            // Our tables name their own encoding.
            Self::Mysql => Some("SELECT VERSION() AS version, 'UTF8' AS encoding"),
        }
    }

    /// The server that a version belongs to, and its oldest supported version.
    pub(crate) fn min_version(self, version: &str) -> (&'static str, [u32; 2]) {
        match self {
            Self::Sqlite => ("SQLite", [3, 37]),
            Self::Postgres => ("PostgreSQL", [13, 0]),
            Self::Mysql if version.contains("MariaDB") => ("MariaDB", [10, 6]),
            Self::Mysql => ("MySQL", [8, 0]),
        }
    }

    /// One row: the second column is the cipher of this connection, or empty.
    pub(crate) fn cipher(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                "SELECT 'cipher', CASE WHEN ssl THEN cipher ELSE '' END FROM pg_stat_ssl WHERE pid = pg_backend_pid()",
            ),
            Self::Mysql => Some("SHOW SESSION STATUS LIKE 'Ssl_cipher'"),
        }
    }

    /// The URL parameter that verifies the server's certificate (C-03).
    pub(crate) fn verify_parameter(self) -> &'static str {
        match self {
            Self::Mysql => "ssl-mode=VERIFY_IDENTITY",
            Self::Sqlite | Self::Postgres => "sslmode=verify-full",
        }
    }

    pub(crate) fn root_certificate(self) -> &'static str {
        match self {
            Self::Mysql => "ssl-ca=FILE",
            Self::Sqlite | Self::Postgres => "sslrootcert=FILE",
        }
    }

    pub(crate) fn weakness(self) -> Weakness {
        match self {
            Self::Sqlite => Weakness {
                question: "SELECT 'journal_mode = ' || journal_mode FROM pragma_journal_mode \
                    WHERE journal_mode <> 'wal' \
                    UNION ALL SELECT 'synchronous = ' || synchronous FROM pragma_synchronous WHERE synchronous < 2",
                hint: "put the data folder on a local disk; SQLite cannot use its write-ahead log here",
            },
            Self::Postgres => Weakness {
                question: "SELECT name || ' = ' || setting FROM pg_settings \
                    WHERE name IN ('fsync', 'full_page_writes', 'synchronous_commit') AND setting = 'off'",
                hint: "turn it on in postgresql.conf",
            },
            Self::Mysql => Weakness {
                question: "SELECT CONCAT('innodb_flush_log_at_trx_commit = ', @@global.innodb_flush_log_at_trx_commit) AS weak \
                    FROM DUAL WHERE @@global.innodb_flush_log_at_trx_commit <> 1 \
                    UNION ALL SELECT CONCAT('innodb_doublewrite = ', @@global.innodb_doublewrite) \
                    FROM DUAL WHERE CONCAT(@@global.innodb_doublewrite) IN ('0', 'OFF') \
                    UNION ALL SELECT CONCAT('sync_binlog = ', @@global.sync_binlog) \
                    FROM DUAL WHERE @@global.log_bin = 1 AND @@global.sync_binlog <> 1",
                hint: "set it to 1 in the server's configuration",
            },
        }
    }

    /// One row, one number: the server's connection limit.
    pub(crate) fn max_connections(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => {
                Some("SELECT CAST(current_setting('max_connections') AS BIGINT) AS most")
            }
            Self::Mysql => Some("SELECT CAST(@@global.max_connections AS SIGNED) AS most"),
        }
    }

    /// Returns `true` if the database has roles with privileges.
    pub(crate) fn has_privileges(self) -> bool {
        self != Self::Sqlite
    }

    /// The statement that lets a role create tables; `user` and `database` are the URL's.
    pub(crate) fn grant_of_tables(self, user: &str, database: &str) -> String {
        match self {
            Self::Mysql => format!("GRANT ALL ON `{database}`.* TO '{user}'"),
            Self::Sqlite | Self::Postgres => format!(
                "GRANT USAGE, CREATE ON SCHEMA public TO \"{user}\" (as the database's owner, in \"{database}\")"
            ),
        }
    }

    /// The statement that grants what serving needs on existing tables.
    pub(crate) fn grant_of_rows(self, user: &str, database: &str) -> String {
        let rows = "GRANT SELECT, INSERT, UPDATE, DELETE ON";
        match self {
            Self::Mysql => format!("{rows} `{database}`.* TO '{user}'"),
            Self::Sqlite | Self::Postgres => format!(
                "{rows} ALL TABLES IN SCHEMA public TO \"{user}\" (as the tables' owner, in \"{database}\")"
            ),
        }
    }

    /// One row, one number: 0 if this role may not create tables.
    pub(crate) fn can_migrate(self) -> Option<&'static str> {
        match self {
            Self::Sqlite => None,
            Self::Postgres => Some(
                "SELECT CAST(CASE WHEN has_schema_privilege(current_schema(), 'CREATE') THEN 1 ELSE 0 END AS BIGINT) AS may",
            ),
            Self::Mysql => Some(
                "SELECT (SELECT COUNT(*) FROM information_schema.user_privileges WHERE privilege_type = 'CREATE') \
                 + (SELECT COUNT(*) FROM information_schema.schema_privileges \
                 WHERE privilege_type = 'CREATE' AND DATABASE() LIKE table_schema) AS may",
            ),
        }
    }
}
