//! Doorward's own format: JSON lines, first a header, then one user a line. `docs/EXPORT-IMPORT.md` describes
//! it for programs that write it.
//!
//! Unknown fields are rejected, so that nothing is lost silently. Raise `VERSION` with each new field.

use std::io::Write;

use doorward_domain::model::{Role, Status, User, Version, VoidUndoLinks};
use doorward_domain::transfer::ExportedUser;
use doorward_domain::transfer::ImportedUser;
use doorward_domain::values::{Data, EmailAddress, Locale, Name, Secret, Username};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json_fields::{truncate_to_micros, wrong_type};
use crate::notes::Notes;
use crate::options::{ImportOptions, UserField};
use crate::raw_user::pending;
use crate::translation::{Conversion, ConvertedUser, Rejection, capitalize, unquoted};

/// The first line of an export.
pub const HEADER: &str = "{\"format\":\"doorward-users\",\"version\":1}\n";
/// Version of the format.
const VERSION: u64 = 1;

/// The first line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileHeader {
    format: String,
    version: u64,
}

/// Checks the first line.
pub fn check_header(line: &[u8]) -> anyhow::Result<()> {
    let header: FileHeader = serde_json::from_slice(line).map_err(|_| {
        anyhow::anyhow!(
            "the first line is not the header of an export, {}. Is the file complete?",
            HEADER.trim_end()
        )
    })?;
    anyhow::ensure!(
        header.format == "doorward-users",
        "the format in the first line is {:?} instead of doorward-users",
        header.format
    );
    anyhow::ensure!(
        (1..=VERSION).contains(&header.version),
        "the file has version {}, this Doorward reads versions up to {VERSION}. Use a newer Doorward",
        header.version
    );
    Ok(())
}

/// A user to write; fields are in this order.
#[derive(Serialize)]
struct UserRecordOut<'a> {
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
    security_epoch: i64,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_updated_at: Option<Timestamp>,
}

/// Writes one user as a line.
pub fn write(to: &mut impl Write, exported: &ExportedUser) -> std::io::Result<()> {
    let user = &exported.user;
    let credential = exported.credential.as_ref();
    let line = UserRecordOut {
        id: user.id.to_string(),
        username: user.username.as_ref().map(Username::as_str),
        email: user.email.as_ref().map(EmailAddress::as_str),
        pending_email: user.pending_address().map(EmailAddress::as_str),
        name: user.name.as_ref().map(Name::as_str),
        role: user.role.as_str(),
        status: user.status.as_str(),
        data: user.data.as_map(),
        locale: user.locale.tag(),
        security_epoch: user.security_epoch,
        version: user.version.0,
        created_at: user.created_at,
        updated_at: user.updated_at,
        password_hash: credential.map(|credential| credential.data.expose().as_str()),
        password_updated_at: credential.map(|credential| credential.updated_at),
    };
    serde_json::to_writer(&mut *to, &line)?;
    to.write_all(b"\n")
}

/// A user to read. Not `Debug`, since it contains a hash.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UserRecordIn {
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
    security_epoch: i64,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    password_hash: Option<String>,
    password_updated_at: Option<Timestamp>,
}

/// Reads one user.
pub(super) fn read(value: Value, options: &ImportOptions) -> Conversion {
    let id = value["id"].as_str().map(str::to_owned);
    let line: UserRecordIn = serde_json::from_value(value).map_err(|error| {
        Rejection::malformed(capitalize(&unquoted(&error))).with_identifier(id.as_deref())
    })?;
    let identifier = line.username.clone().or_else(|| line.email.clone());
    let identifier = identifier.or_else(|| line.pending_email.clone()).or(id);
    convert(line, options).map_err(|rejection| rejection.with_identifier(identifier.as_deref()))
}

fn convert(line: UserRecordIn, options: &ImportOptions) -> Conversion {
    let mut notes = Notes::new(options);
    let set_at = line.password_updated_at.unwrap_or(line.updated_at);
    let set_at = check_timestamp("password_updated_at", set_at)?;
    let user = User {
        id: line
            .id
            .parse()
            .map_err(|()| wrong_type("id", "a lower-case UUID"))?,
        username: notes.field(
            UserField::Username,
            line.username.as_deref(),
            Username::parse,
        )?,
        email: notes.field(UserField::Email, line.email.as_deref(), EmailAddress::parse)?,
        pending_email: notes
            .field(
                UserField::Email,
                line.pending_email.as_deref(),
                EmailAddress::parse,
            )?
            .map(|address| pending(address, options)),
        name: notes.field(UserField::Name, line.name.as_deref(), Name::parse)?,
        role: Role::from_name(&line.role)
            .ok_or_else(|| wrong_type("role", "one of user, admin"))?,
        status: Status::from_name(&line.status)
            .ok_or_else(|| wrong_type("status", "one of pending, active, disabled"))?,
        data: notes
            .field(UserField::Data, Some(Value::Object(line.data)), Data::parse)?
            .unwrap_or_default(),
        locale: Locale::from_tag(&line.locale)
            .ok_or_else(|| wrong_type("locale", "a supported language"))?,
        security_epoch: line.security_epoch,
        void_undo_links: VoidUndoLinks::default(),
        version: Version(line.version),
        created_at: check_timestamp("created_at", line.created_at)?,
        updated_at: check_timestamp("updated_at", line.updated_at)?,
    };
    let password = notes.password(line.password_hash.map(Secret::new));
    let password = password.map(|hash| (hash, set_at));
    let user = ImportedUser::new(user, password).map_err(|why| Rejection::refused(&why))?;
    Ok(ConvertedUser {
        user,
        notes: notes.into_notes(),
    })
}

fn check_timestamp(name: &str, moment: Timestamp) -> Result<Timestamp, Rejection> {
    truncate_to_micros(moment).ok_or_else(|| wrong_type(name, "a time"))
}
