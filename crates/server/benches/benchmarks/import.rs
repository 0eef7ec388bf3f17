//! Time of an import, compared with plain inserts: a script that writes the same rows, one row a statement and 500 users
//! a transaction, to an empty database with the same tables on the same server.
//!
//! The script of SQLite is Python with prepared statements. Only its inserts are timed, but the whole import. The scripts
//! of the servers are SQL for their own clients.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use doorward_domain::model::{Credential, LastSignIn, SearchWord, User};
use doorward_domain::store::{Query, ReadStore, Record, Row, Value};
use doorward_store_sql::{SqlSettings, SqlStore};
use doorward_testkit::{fixtures, servers};

use crate::median;
use crate::server::BINARY;

/// Number of users unless an argument sets it.
pub const USERS: usize = 20_000;
const ROUNDS: usize = 3;
/// Users in a transaction, as `doorward import` writes them.
const TOGETHER: usize = 500;
/// Number of rows that are read at once.
const PAGE: usize = 1_000;

#[derive(Clone, Copy)]
enum Database {
    Sqlite,
    Postgres,
    Mariadb,
}

/// Prints the users per second of both, and the ratio of the times.
pub async fn measure(users: usize) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.jsonl");
    std::fs::write(&file, export_of(users)).unwrap();
    for (name, database) in [
        ("SQLite", Database::Sqlite),
        ("PostgreSQL", Database::Postgres),
        ("MariaDB", Database::Mariadb),
    ] {
        let (mut ours, mut theirs) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            let (imported, plain) = (format!("imported{round}"), format!("plain{round}"));
            let imported = database.create(folder.path(), &imported).await;
            let plain = database.create(folder.path(), &plain).await;
            ours.push(import(&imported, &file, &folder.path().join("data")));
            theirs.push(database.insert_plainly(&imported, &plain, users).await);
        }
        let (ours, theirs) = (median(ours), median(theirs));
        println!(
            "import, {name:<18} {:.0}/s, {:.2} times plain single-row inserts ({:.0}/s)",
            users as f64 / ours,
            ours / theirs,
            users as f64 / theirs
        );
    }
}

/// An export of users with two names, a password and a last sign-in.
fn export_of(users: usize) -> String {
    let mut text = String::from("{\"format\":\"doorward-users\",\"version\":5}\n");
    let at = "2020-09-13T12:26:40Z";
    for number in 0..users {
        let (first, last) = (FIRST_NAMES[number % 10], LAST_NAMES[number / 10 % 10]);
        let id = 1_600_000_000_000_u64 + number as u64;
        // Spreads the last digits of the id.
        let random = (number as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 16;
        let user = serde_json::json!({
            "id": format!("{:08x}-{:04x}-7000-8000-{random:012x}", id >> 16, id & 0xffff),
            "username": format!("{first}{number}"), "email": format!("{first}.{last}{number}@example{}.com", number % 50),
            "name": format!("{first} {last}"), "role": "user", "status": "active", "data": {"number": number},
            "locale": "en", "security_epoch": 1, "version": 1, "created_at": at, "updated_at": at,
            "password_hash": HASH, "password_updated_at": at, "last_sign_in_at": at,
        });
        writeln!(text, "{user}").unwrap();
    }
    text
}

const FIRST_NAMES: [&str; 10] = [
    "ada", "ben", "carl", "dora", "eve", "finn", "gita", "hans", "ines", "jan",
];
const LAST_NAMES: [&str; 10] = [
    "miller", "schmidt", "okafor", "li", "nguyen", "garcia", "novak", "sato", "haddad", "berg",
];
const HASH: &str = "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$LHgkXFNEyVdhZRVLTj9ZH8Zqmr3pZpEfx6AYSbaVVvI";

/// Imports users into a database, with the data folder of its server.
pub fn fill(url: &str, users: usize, data: &Path) {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), export_of(users)).unwrap();
    import(url, file.path(), data);
}

/// Returns the seconds of `doorward import`.
fn import(url: &str, file: &Path, data: &Path) -> f64 {
    let mut import = Command::new(BINARY);
    import.arg("import").arg(file);
    import.env_clear().env("DATABASE_URL", url);
    import.env("DOORWARD_DATA_DIR", data);
    import.stdout(Stdio::null()).stderr(Stdio::inherit());
    let started = Instant::now();
    assert!(import.status().unwrap().success());
    started.elapsed().as_secs_f64()
}

impl Database {
    /// Returns the URL of a new database with the tables.
    async fn create(self, folder: &Path, name: &str) -> String {
        let url = match self {
            Self::Sqlite => format!("sqlite:{}/{name}.db", folder.display()),
            Self::Postgres => servers::postgres().await,
            Self::Mariadb => servers::mariadb().await,
        };
        open(&url).await.close().await;
        url
    }

    /// Returns the seconds of plain inserts of the imported rows.
    async fn insert_plainly(self, imported: &str, plain: &str, users: usize) -> f64 {
        let path = |url: &str| url.trim_start_matches("sqlite:").to_owned();
        let mut client = match self {
            Self::Sqlite => {
                let mut python = Command::new("python3");
                python.args(["-c", PLAIN_INSERTS, &path(imported), &path(plain)]);
                python.arg(TOGETHER.to_string());
                let output = python.output().unwrap();
                assert!(output.status.success(), "{output:?}");
                return String::from_utf8(output.stdout)
                    .unwrap()
                    .trim()
                    .parse()
                    .unwrap();
            }
            Self::Postgres => {
                let mut psql = Command::new("psql");
                psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", plain]);
                psql
            }
            Self::Mariadb => {
                let (server, socket) = plain.split_once("?socket=").unwrap();
                let mut mariadb = Command::new("mariadb");
                mariadb.args(["--no-defaults", "--user=root", "--socket", socket]);
                mariadb.arg(server.rsplit_once('/').unwrap().1);
                mariadb
            }
        };
        let script = tempfile::NamedTempFile::new().unwrap();
        let statements = self.script(&open(imported).await, users).await;
        std::fs::write(script.path(), statements).unwrap();
        client.stdin(script.reopen().unwrap());
        let started = Instant::now();
        assert!(client.status().unwrap().success());
        started.elapsed().as_secs_f64()
    }

    /// The statements that insert the rows of the imported users.
    async fn script(self, store: &SqlStore, users: usize) -> String {
        let mut rows = rows_by_user::<User>(store, "id").await;
        assert_eq!(rows.len(), users);
        for (owner, words) in rows_by_user::<SearchWord>(store, "user_id").await {
            rows.get_mut(&owner).unwrap().extend(words);
        }
        for (owner, password) in rows_by_user::<Credential>(store, "user_id").await {
            rows.get_mut(&owner).unwrap().extend(password);
        }
        for (owner, last_sign_in) in rows_by_user::<LastSignIn>(store, "user_id").await {
            rows.get_mut(&owner).unwrap().extend(last_sign_in);
        }
        let mut script = String::new();
        for (number, row) in rows.into_values().enumerate() {
            if number % TOGETHER == 0 {
                script += if number > 0 { "COMMIT;\n" } else { "" };
                script += "BEGIN;\n";
            }
            row.iter().for_each(|row| self.insert(row, &mut script));
        }
        script + "COMMIT;\n"
    }

    fn insert(self, row: &Row, script: &mut String) {
        let names = row.table.columns.iter().map(|column| column.name);
        let names = names.collect::<Vec<_>>().join(", ");
        let values = row.values.iter().map(|value| match (value, self) {
            (Value::Int(number), _) => number.to_string(),
            (Value::Text(text), _) => format!("'{}'", text.replace('\'', "''")),
            (Value::Bytes(bytes), Self::Postgres) => format!("'\\x{}'", hex(bytes)),
            (Value::Bytes(bytes), _) => format!("x'{}'", hex(bytes)),
            (Value::Null | Value::Unset, _) => "NULL".to_owned(),
        });
        let values = values.collect::<Vec<_>>().join(", ");
        writeln!(
            script,
            "INSERT INTO {} ({names}) VALUES ({values});",
            row.table
        )
        .unwrap();
    }
}

/// Inserts the rows of one SQLite database into another, with the settings of Doorward, and prints the seconds.
const PLAIN_INSERTS: &str = "
import sqlite3, sys, time
imported, plain = (sqlite3.connect(file, isolation_level=None) for file in sys.argv[1:3])
plain.executescript('PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA secure_delete=ON')
rows = {}
for table, owner in ('users', 'id'), ('search_words', 'user_id'), ('credentials', 'user_id'), ('last_sign_ins', 'user_id'):
    columns = [column[1] for column in imported.execute(f'PRAGMA table_info({table})')]
    at = columns.index(owner)
    places = ', '.join('?' * len(columns))
    for row in imported.execute(f'SELECT * FROM {table} ORDER BY {columns[0]}'):
        rows.setdefault(row[at], []).append((f'INSERT INTO {table} VALUES ({places})', row))
started = time.monotonic()
for number, inserts in enumerate(rows.values()):
    if number % int(sys.argv[3]) == 0:
        if number > 0:
            plain.execute('COMMIT')
        plain.execute('BEGIN IMMEDIATE')
    for sql, row in inserts:
        plain.execute(sql, row)
plain.execute('COMMIT')
print(time.monotonic() - started)
";

async fn open(url: &str) -> SqlStore {
    let settings = SqlSettings::new(url);
    SqlStore::connect(&settings, fixtures::now()).await.unwrap()
}

/// The rows of a table by their user.
async fn rows_by_user<R: Record>(store: &SqlStore, owner: &str) -> BTreeMap<Value, Vec<Row>> {
    let mut rows = BTreeMap::<Value, Vec<Row>>::new();
    let mut query = Query::by::<R>(&[]).limit(PAGE);
    query.without = None;
    loop {
        let page = store.list_rows(query.clone()).await.unwrap();
        let Some(last) = page.last() else {
            return rows;
        };
        query.above = Some(last.key().clone());
        for row in page {
            rows.entry(row.get(owner).clone()).or_default().push(row);
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}
