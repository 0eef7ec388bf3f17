//! The privileges that a serving role needs: a node that lacks one refuses to start and names it. Each is
//! tried with a statement that matches no row, since every server checks privileges first.
//!
//! A record needs all of them. Another table has its line in [`REQUIRED`], with a letter for each kind of access.

use doorward_domain::model::TABLES;
use sqlx::AssertSqlSafe;

use crate::connect::SetupConnection;
use crate::dialect;
use crate::error::ConnectError;

/// A table, a column of it, and which of `SELECT`, `INSERT`, `UPDATE`, `DELETE` are needed, by their
/// first letters.
const REQUIRED: [(&str, &str, &str); 2] = [
    ("schema_migrations", "version", "S"),
    ("pings", "counter", "SU"),
];

/// A privilege on a table, and a statement that needs it.
struct Privilege {
    table: &'static str,
    name: &'static str,
    statement: String,
}

fn required_privileges() -> Vec<Privilege> {
    let of_table = |(table, column, letters): (&'static str, &str, &'static str)| {
        let privilege = |letter| {
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
            Privilege {
                table,
                name,
                statement,
            }
        };
        letters.chars().map(privilege).collect::<Vec<_>>()
    };
    let records = TABLES.iter().map(|table| (table.name, table.key(), "SIUD"));
    REQUIRED
        .into_iter()
        .chain(records)
        .flat_map(of_table)
        .collect()
}

impl SetupConnection {
    /// Fails if a privilege is missing, and names all that are. The schema must be up to date.
    pub(crate) async fn check_privileges(&mut self) -> Result<(), ConnectError> {
        if !self.dialect().has_privileges() {
            return Ok(());
        }
        let all = required_privileges();
        let script: Vec<_> = all.iter().map(|one| one.statement.as_str()).collect();
        if !self.is_denied(script.join("; ")).await {
            return Ok(());
        }
        let mut missing: Vec<&Privilege> = Vec::new();
        for privilege in &all {
            if self.is_denied(privilege.statement.clone()).await {
                missing.push(privilege);
            }
        }
        if missing.is_empty() {
            return Ok(());
        }
        let (user, database) = (&self.url.user, &self.url.database);
        Err(ConnectError::MissingPrivileges {
            server: self.url.display.clone(),
            hint: format!(
                "grant it with {}",
                self.dialect().grant_of_rows(user, database)
            ),
            missing: by_table(&missing),
            user: user.clone(),
        })
    }

    /// Ignores other errors.
    async fn is_denied(&mut self, script: String) -> bool {
        let result = self.fetch_all(AssertSqlSafe(script)).await;
        result.is_err_and(|error| dialect::is_denied(&error))
    }
}

/// `INSERT and DELETE on links, UPDATE on pings`
fn by_table(missing: &[&Privilege]) -> String {
    let of_one = |privileges: &[&Privilege]| {
        let names: Vec<_> = privileges.iter().map(|one| one.name).collect();
        format!("{} on {}", names.join(" and "), privileges[0].table)
    };
    let by_table = missing.chunk_by(|one, next| one.table == next.table);
    by_table.map(of_one).collect::<Vec<_>>().join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::migrations::MIGRATIONS;

    #[test]
    fn every_table_of_the_schema_is_listed() {
        let scripts = MIGRATIONS.iter().map(|migration| migration.script);
        let names = scripts.flat_map(|script| script.split("CREATE TABLE ").skip(1));
        let names: Vec<_> = names.filter_map(|rest| rest.split(' ').next()).collect();
        let required = required_privileges();
        for name in names {
            assert!(required.iter().any(|one| one.table == name), "{name}");
        }
    }
}
