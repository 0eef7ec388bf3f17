//! What somebody has put on our tables that acts by itself, or hides rows: by each of them lines can be
//! kept out of the audit log before they are sealed, or from those who look for them (L-01). We make none.
//!
//! The databases know different kinds: a new one is a `UNION ALL` in [`Dialect::triggers`].

use super::Dialect;

/// All tables of ours, as they stand in a list.
const TABLES: &str = "'audit_erasures', 'audit_events', 'audit_seals', 'credentials', 'ended_sessions', \
    'guards', 'links', 'mail_jobs', 'schema_migrations', 'sessions', 'signing_keys', 'users'";

impl Dialect {
    /// A row each, with its `name`: on whichever table of ours, since from each of them the log can be
    /// reached. What is on tables of others, which nobody here writes, is theirs; an event of MySQL stands
    /// on none, and each in our database is one too many.
    pub(crate) fn triggers(self) -> String {
        match self {
            // The catalogue has a table's name as it was spelt. A constraint's own way with a conflict leaves
            // rows out, or does away with others.
            Self::Sqlite => format!(
                "SELECT name FROM sqlite_schema WHERE type IN ('trigger', 'view') AND lower(tbl_name) IN ({TABLES}) \
                 UNION ALL SELECT 'conflict rule of ' || name FROM sqlite_schema \
                 WHERE type = 'table' AND lower(name) IN ({TABLES}) AND sql LIKE '%conflict%'"
            ),
            Self::Postgres => format!(
                "WITH ours AS (SELECT oid, relname, relrowsecurity FROM pg_class \
                 WHERE relname IN ({TABLES}) AND pg_table_is_visible(oid)) \
                 SELECT CAST(tgname AS TEXT) AS name FROM pg_trigger \
                 WHERE NOT tgisinternal AND tgrelid IN (SELECT oid FROM ours) \
                 UNION ALL SELECT CAST(rulename AS TEXT) FROM pg_rewrite WHERE ev_class IN (SELECT oid FROM ours) \
                 UNION ALL SELECT CAST(polname AS TEXT) FROM pg_policy WHERE polrelid IN (SELECT oid FROM ours) \
                 UNION ALL SELECT 'row security of ' || relname FROM ours WHERE relrowsecurity"
            ),
            Self::Mysql => format!(
                "SELECT CAST(trigger_name AS CHAR) AS name FROM information_schema.triggers \
                 WHERE event_object_schema = DATABASE() AND lower(event_object_table) IN ({TABLES}) \
                 UNION ALL SELECT CAST(event_name AS CHAR) FROM information_schema.events \
                 WHERE event_schema = DATABASE() \
                 UNION ALL SELECT CAST(table_name AS CHAR) FROM information_schema.views \
                 WHERE table_schema = DATABASE() AND lower(table_name) IN ({TABLES})"
            ),
        }
    }

    /// One row, `may`: 0 where the role was not given itself what it takes to be told of them all. (It may
    /// have it by way of another role.)
    pub(crate) fn may_see_triggers(self) -> Option<&'static str> {
        match self {
            Self::Sqlite | Self::Postgres => None,
            Self::Mysql => Some(
                "SELECT CAST(COUNT(DISTINCT privilege_type) = 2 AS SIGNED) AS may FROM (\
                 SELECT grantee, privilege_type FROM information_schema.user_privileges \
                 UNION ALL SELECT grantee, privilege_type FROM information_schema.schema_privileges \
                 WHERE DATABASE() LIKE table_schema) AS given \
                 WHERE privilege_type IN ('TRIGGER', 'EVENT') \
                 AND grantee = CONCAT('''', REPLACE(CURRENT_USER(), '@', '''@'''), '''')",
            ),
        }
    }
}
