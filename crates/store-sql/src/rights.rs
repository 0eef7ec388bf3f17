//! Whether a role may do what serving takes: a node that lacks a right says so at its start, and not
//! when somebody signs out. Tried by statements that meet no row, since every server looks at the
//! rights first; so nothing is changed, and none is asked in its own words.
//!
//! A new table gets its line in [`NEEDED`], a new kind of write to a table its letter there.

use sqlx::{AssertSqlSafe, raw_sql};
use tokio::time::timeout;

use crate::dialect;
use crate::error::ConnectError;
use crate::hosts;
use crate::opening::First;
use crate::servers::too_late;

/// A table, a column of it, and which of `SELECT`, `INSERT`, `UPDATE`, `DELETE` are needed, by their
/// first letters.
const NEEDED: [(&str, &str, &str); 12] = [
    ("schema_migrations", "version", "S"),
    ("users", "id", "SIUD"),
    ("credentials", "user_id", "SIUD"),
    ("sessions", "id", "SIUD"),
    ("ended_sessions", "id", "SID"),
    ("links", "digest", "SIUD"),
    ("mail_jobs", "id", "SIUD"),
    ("signing_keys", "kid", "SIUD"),
    ("audit_events", "id", "SIUD"),
    ("audit_seals", "position", "SIUD"),
    ("audit_erasures", "user_id", "SIUD"),
    ("guards", "counter", "SU"),
];

/// A right on a table, and what can only be done with it.
struct Right {
    table: &'static str,
    name: &'static str,
    statement: String,
}

fn rights() -> Vec<Right> {
    let of_table = |(table, column, letters): (&'static str, &str, &'static str)| {
        let right = |letter| {
            let (name, statement) = match letter {
                'I' => (
                    "INSERT",
                    format!("INSERT INTO {table} SELECT * FROM {table} WHERE 1 = 0"),
                ),
                'U' => (
                    "UPDATE",
                    format!("UPDATE {table} SET {column} = {column} WHERE 1 = 0"),
                ),
                'D' => ("DELETE", format!("DELETE FROM {table} WHERE 1 = 0")),
                _ => (
                    "SELECT",
                    format!("SELECT {column} FROM {table} WHERE 1 = 0"),
                ),
            };
            Right {
                table,
                name,
                statement,
            }
        };
        letters.chars().map(right).collect::<Vec<_>>()
    };
    NEEDED.into_iter().flat_map(of_table).collect()
}

impl First {
    /// An error where a right is missing, which names all that are. The schema is up to date.
    pub(crate) async fn check_rights(&mut self) -> Result<(), ConnectError> {
        if !self.dialect().has_rights() {
            return Ok(());
        }
        let all = rights();
        let script: Vec<_> = all.iter().map(|right| right.statement.as_str()).collect();
        if !self.is_denied(script.join("; ")).await {
            return Ok(());
        }
        let mut missing: Vec<&Right> = Vec::new();
        for right in &all {
            if self.is_denied(right.statement.clone()).await {
                missing.push(right);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let (user, database) = hosts::user_and_database(&self.host().url);
        Err(ConnectError::Rights {
            server: self.host().name.clone(),
            mend: format!(
                "give them with {}",
                self.dialect().grant_of_rows(&user, &database)
            ),
            missing: by_table(&missing),
            user,
        })
    }

    /// Whether the role lacks a right to that; what else may go wrong is not looked for here.
    async fn is_denied(&mut self, script: String) -> bool {
        let within = self.servers.limits.operation();
        let script = raw_sql(AssertSqlSafe(script)).execute(&mut self.connection);
        let done = timeout(within, script).await;
        let done = done.unwrap_or_else(|_| Err(too_late(within)));
        done.is_err_and(|error| dialect::is_denied(&error))
    }
}

/// `INSERT and DELETE on links, UPDATE on guards`
fn by_table(missing: &[&Right]) -> String {
    let of_one = |rights: &[&Right]| {
        let names: Vec<_> = rights.iter().map(|right| right.name).collect();
        format!("{} on {}", names.join(" and "), rights[0].table)
    };
    let by_table = missing.chunk_by(|one, next| one.table == next.table);
    by_table.map(of_one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_of_the_schema_has_its_line() {
        let scripts = [
            include_str!("migrations/0001_accounts.sql"),
            include_str!("migrations/0002_many_nodes.sql"),
            include_str!("migrations/0003_safe_under_traffic.sql"),
        ];
        let made = scripts.join("\n");
        let names = made.split("CREATE TABLE ").skip(1);
        let names: Vec<_> = names.filter_map(|rest| rest.split(' ').next()).collect();
        assert_eq!(names.len() + 1, NEEDED.len());
        for name in names {
            assert!(NEEDED.iter().any(|(table, ..)| *table == name), "{name}");
        }
    }
}
