//! What `doorward doctor` hears about the database. Looks, and changes nothing.

use std::io::ErrorKind;
use std::time::Duration;

use doorward_domain::checkup::Finding;
use doorward_domain::ports::Clock;
use jiff::Timestamp;
use sqlx::Row;

use crate::error::ConnectError;
use crate::opening::First;
use crate::{SqlSettings, migrations};

const REACH: &str = "database";
const RIGHTS: &str = "database: rights";
const TRIGGERS: &str = "database: triggers";
const SCHEMA: &str = "database: schema";
const TLS: &str = "database: TLS";
const CLOCK: &str = "database: clock";
const DURABILITY: &str = "database: durability";
const CONNECTIONS: &str = "database: connections";

/// More than this between two clocks is worth a word: nodes go by the server's.
const CLOCKS_APART: Duration = Duration::from_secs(5);

/// What was found.
#[derive(Debug)]
pub struct Examined {
    /// One a line.
    pub findings: Vec<Finding>,
    /// Whether it can be worked with: it is there, and will do.
    pub is_usable: bool,
}

/// Tries the database.
pub async fn examine(settings: &SqlSettings, clock: &dyn Clock) -> Examined {
    let mut first = match First::look(settings).await {
        Ok(first) => first,
        Err(error) => {
            return Examined {
                findings: vec![unusable(&error)],
                is_usable: false,
            };
        }
    };
    let checked = first.check().await;
    let is_usable = checked.is_ok();
    let mut findings = vec![match checked {
        Ok(()) => Finding::fine(REACH, first.description().await),
        Err(error) => unusable(&error),
    }];
    findings.extend(schema(&mut first, settings).await);
    findings.extend(tls(&mut first).await);
    findings.extend(clocks(&mut first, clock).await);
    findings.extend(connections(&mut first, settings).await);
    findings.push(durability(&mut first).await);
    first.close().await;
    Examined {
        findings,
        is_usable,
    }
}

fn unusable(error: &ConnectError) -> Finding {
    if let ConnectError::File { path, source } = error
        && source.kind() == ErrorKind::NotFound
    {
        let found = format!("there is no database file {} yet", path.display());
        return Finding::warning(REACH, found, "the first start makes it");
    }
    let mend = error.mend();
    let mend = mend.unwrap_or_else(|| "look into the server's log, and at the URL".to_owned());
    Finding::fault(REACH, error.found(), mend)
}

/// Whether the schema is up to date, and whether this role could make it so.
async fn schema(first: &mut First, settings: &SqlSettings) -> Vec<Finding> {
    let status = first.status().await;
    let error = match status.and_then(|status| migrations::check(&status)) {
        Ok(()) => {
            let mut findings = vec![Finding::fine(SCHEMA, "all migrations are made")];
            findings.extend(rights(first).await);
            findings.push(triggers(first).await);
            return findings;
        }
        Err(error) => error,
    };
    let ConnectError::Pending(names) = &error else {
        let mend = error.mend();
        let mend = mend.unwrap_or_else(|| "see the upgrade page".to_owned());
        return vec![Finding::fault(SCHEMA, error.found(), mend)];
    };
    let found = format!("lacks the migrations {names}");
    let waits = match settings.migrate {
        true => Finding::warning(SCHEMA, found, "the next start makes them"),
        false => Finding::fault(SCHEMA, found, "run `doorward migrate`"),
    };
    let may = match first.ask(first.dialect().may_migrate()).await {
        Ok(row) => row.is_none_or(|row| row.try_get::<i64, _>("may").is_ok_and(|may| may != 0)),
        Err(error) => return vec![waits, unusable(&error)],
    };
    if may {
        return vec![waits];
    }
    let mend = "give it the right to create tables, or migrate as one that has it";
    let found = "this role may not create tables";
    vec![waits, Finding::fault(RIGHTS, found, mend)]
}

/// Whether this role may do what serving takes.
async fn rights(first: &mut First) -> Option<Finding> {
    if !first.dialect().has_rights() {
        return None;
    }
    Some(match first.check_rights().await {
        Ok(()) => Finding::fine(RIGHTS, "this role may do all that serving takes"),
        Err(error) => {
            let mend = error.mend().unwrap_or_default();
            Finding::fault(RIGHTS, error.found(), mend)
        }
    })
}

/// Whether anything stands on our tables that keeps lines out of the audit log, or hides them (L-01).
async fn triggers(first: &mut First) -> Finding {
    let planted = match first.triggers().await {
        Ok(planted) => planted.join(", "),
        Err(error) => return unusable(&error),
    };
    if !planted.is_empty() {
        let found = format!(
            "somebody has put this on our tables, by which lines can be kept out of the audit log: {planted}"
        );
        let mend = "look at it with the database's own tools, drop it, and change who may write to the database";
        return Finding::fault(TRIGGERS, found, mend);
    }
    let question = first.dialect().may_see_triggers();
    if question.is_some() && first.value::<i64>(question, 0).await != Some(1) {
        let found = "this role has no right TRIGGER and EVENT, and is not told of those by which lines can be kept out of the audit log";
        let mend = "look now and then as one who has them, by SHOW TRIGGERS and SHOW EVENTS: Doorward makes none. docs/STORES.md says what else there is";
        return Finding::warning(TRIGGERS, found, mend);
    }
    Finding::fine(TRIGGERS, "nobody has put any on our tables")
}

async fn tls(first: &mut First) -> Option<Finding> {
    let cipher: String = first.value(first.dialect().cipher(), 1).await?;
    if !cipher.is_empty() {
        return Some(Finding::fine(TLS, format!("encrypted with {cipher}")));
    }
    if !first.host().is_remote {
        return Some(Finding::fine(TLS, "not encrypted, and on this machine"));
    }
    let found = "the connection is not encrypted and leaves this machine";
    let mend = format!("add ?{} to database.url", first.dialect().verified());
    Some(Finding::warning(TLS, found, mend))
}

async fn clocks(first: &mut First, clock: &dyn Clock) -> Option<Finding> {
    let micros: i64 = first.value(first.dialect().server_time(), 0).await?;
    let theirs = Timestamp::from_microsecond(micros).ok()?;
    let apart = theirs.duration_since(clock.now()).unsigned_abs();
    let seconds = apart.as_secs();
    if apart <= CLOCKS_APART {
        return Some(Finding::fine(CLOCK, "goes with this machine's"));
    }
    let found = format!("the server's clock and this machine's are {seconds} s apart");
    Some(Finding::warning(CLOCK, found, "let both keep time by NTP"))
}

async fn connections(first: &mut First, settings: &SqlSettings) -> Option<Finding> {
    let most: i64 = first.value(first.dialect().most_connections(), 0).await?;
    let ours = settings.max_connections;
    let found = format!("up to {ours} of this node, and the server takes {most} from everybody");
    if i64::from(ours) * 2 <= most {
        return Some(Finding::fine(CONNECTIONS, found));
    }
    let mend = "two nodes would not fit: raise the server's max_connections or lower database.max_connections";
    let finding = match i64::from(ours) < most {
        true => Finding::warning(CONNECTIONS, found, mend),
        false => Finding::fault(CONNECTIONS, found, mend),
    };
    Some(finding)
}

async fn durability(first: &mut First) -> Finding {
    let weak = first.weaknesses().await;
    if weak.is_empty() {
        return Finding::fine(DURABILITY, "what is answered is on disk");
    }
    let mend = first.dialect().weakness().mend;
    Finding::warning(
        DURABILITY,
        format!("the database has {}", weak.join(", ")),
        mend,
    )
}
