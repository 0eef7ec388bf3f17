//! Our own shape: JSON lines, a first line that says so, then one user a line. `docs/MOVING.md`
//! describes it for others to write.
//!
//! Whoever adds a field raises [`VERSION`] where an older program must not pass over it; unknown
//! fields are refused, so that nothing is lost without a word.

use std::io::Write;

use doorward_domain::flows::export::ExportedUser;
use doorward_domain::flows::import::ImportedUser;
use doorward_domain::model::{Role, Status, User, Version};
use doorward_domain::values::{Data, EmailAddress, Locale, Name, Secret, Username};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::notes::Notes;
use super::{Part, Rejection, Terms, Translated, Translation, cut, unquoted, wrong_type};

/// The first line, as it is written.
pub const HEADER: &str = "{\"format\":\"doorward-users\",\"version\":1}\n";
/// The newest shape that is read and written.
const VERSION: u64 = 1;

/// The first line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u64,
}

/// Reads the first line; what is wrong with it is wrong with the file.
pub fn check_header(line: &[u8]) -> anyhow::Result<()> {
    let header: Header = serde_json::from_slice(line).map_err(|_| {
        anyhow::anyhow!(
            "the first line is not that of an export, which is {}; was the file cut?",
            HEADER.trim_end()
        )
    })?;
    anyhow::ensure!(
        header.format == "doorward-users",
        "the first line says that these are {:?}, not doorward-users",
        header.format
    );
    anyhow::ensure!(
        (1..=VERSION).contains(&header.version),
        "the file is of version {}, and this Doorward reads versions up to {VERSION}; use the Doorward that wrote it, or a newer one",
        header.version
    );
    Ok(())
}

/// A user, in the order in which it is written.
#[derive(Serialize)]
struct LineOut<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_email: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    role: &'static str,
    status: &'static str,
    data: &'a Map<String, Value>,
    locale: &'static str,
    session_epoch: i64,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_updated_at: Option<Timestamp>,
}

/// Writes one user, with the end of the line.
pub fn write(to: &mut impl Write, exported: &ExportedUser) -> std::io::Result<()> {
    let user = &exported.user;
    let credential = exported.credential.as_ref();
    let line = LineOut {
        id: user.id.to_string(),
        username: user.username.as_ref().map(Username::as_str),
        email: user.email.as_ref().map(EmailAddress::as_str),
        pending_email: user.pending_email.as_ref().map(EmailAddress::as_str),
        name: user.name.as_ref().map(Name::as_str),
        role: user.role.as_str(),
        status: user.status.as_str(),
        data: user.data.as_map(),
        locale: user.locale.tag(),
        session_epoch: user.session_epoch,
        version: user.version.0,
        created_at: user.created_at,
        updated_at: user.updated_at,
        password_hash: credential.map(|kept| kept.password_hash.expose().as_str()),
        password_updated_at: credential.map(|kept| kept.updated_at),
    };
    serde_json::to_writer(&mut *to, &line)?;
    to.write_all(b"\n")
}

/// Not `Debug`: it holds a hash.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LineIn {
    id: String,
    username: Option<String>,
    email: Option<String>,
    pending_email: Option<String>,
    name: Option<String>,
    role: String,
    status: String,
    #[serde(default)]
    data: Map<String, Value>,
    locale: String,
    session_epoch: i64,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    password_hash: Option<String>,
    password_updated_at: Option<Timestamp>,
}

/// Reads one user.
pub(super) fn read(value: Value, terms: &Terms) -> Translation {
    let id = value["id"].as_str().map(str::to_owned);
    let line: LineIn = serde_json::from_value(value).map_err(|error| {
        Rejection::malformed(super::sentence(&unquoted(&error))).of(id.as_deref())
    })?;
    let named = line.username.clone().or_else(|| line.email.clone());
    let named = named.or_else(|| line.pending_email.clone()).or(id);
    typed(line, terms).map_err(|rejection| rejection.of(named.as_deref()))
}

fn typed(line: LineIn, terms: &Terms) -> Translation {
    let mut notes = Notes::new(terms);
    let set_at = line.password_updated_at.unwrap_or(line.updated_at);
    let set_at = moment("password_updated_at", set_at)?;
    let user = User {
        id: line
            .id
            .parse()
            .map_err(|()| wrong_type("id", "a UUID in small letters"))?,
        username: notes.part(Part::Username, line.username.as_deref(), Username::parse)?,
        email: notes.part(Part::Email, line.email.as_deref(), EmailAddress::parse)?,
        pending_email: notes.part(
            Part::Email,
            line.pending_email.as_deref(),
            EmailAddress::parse,
        )?,
        name: notes.part(Part::Name, line.name.as_deref(), Name::parse)?,
        role: Role::from_name(&line.role)
            .ok_or_else(|| wrong_type("role", "one of user, admin"))?,
        status: Status::from_name(&line.status)
            .ok_or_else(|| wrong_type("status", "one of pending, active, disabled"))?,
        data: notes
            .part(Part::Data, Some(Value::Object(line.data)), Data::parse)?
            .unwrap_or_default(),
        locale: Locale::from_tag(&line.locale)
            .ok_or_else(|| wrong_type("locale", "a language spoken here"))?,
        session_epoch: line.session_epoch,
        // The counters stay behind, and this with them.
        email_change: None,
        stopped_epoch: None,
        version: Version(line.version),
        created_at: moment("created_at", line.created_at)?,
        updated_at: moment("updated_at", line.updated_at)?,
    };
    let password = notes.password(line.password_hash.map(Secret::new));
    let password = password.map(|hash| (hash, set_at));
    let user = ImportedUser::new(user, password).map_err(|why| Rejection::refused(&why))?;
    Ok(Translated {
        user,
        notes: notes.into_notes(),
    })
}

fn moment(name: &str, moment: Timestamp) -> Result<Timestamp, Rejection> {
    cut(moment).ok_or_else(|| wrong_type(name, "a time"))
}
