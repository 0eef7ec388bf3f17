//! Doorward's own format: JSON lines, first a header, then one user a line. `docs/operations/user-files.md` describes
//! it for programs that write it.
//!
//! Unknown fields are rejected, so that nothing is lost silently. Raise `VERSION` with each new field.

use std::io::Write;

use doorward_domain::factors::{
    ExportedFactors, ExportedTotp, FactorName, TotpParameters, TotpSecret,
};
use doorward_domain::model::{
    Invitation, InvitationDelivery, PendingDeletion, Status, User, Version, VoidUndoLinks,
};
use doorward_domain::transfer::{ExportedUser, ImportedUser};
use doorward_domain::values::{
    CredentialId, Data, EmailAddress, LanguageTag, Locale, Name, Role, Secret, UserId, Username,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::json_fields::{truncate_to_micros, wrong_type};
use crate::notes::Notes;
use crate::options::{ImportOptions, UserField};
use crate::raw_user::pending;
use crate::translation::{Conversion, ConvertedUser, Rejection, capitalize, unquoted};

/// The first line of an export.
pub const HEADER: &str = "{\"format\":\"doorward-users\",\"version\":7}\n";
/// Version of the format.
const VERSION: u64 = 7;

/// The first line.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FileHeader {
    format: String,
    version: u64,
}

/// Checks the first line.
pub(crate) fn check_header(line: &[u8]) -> anyhow::Result<()> {
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
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_locale: Option<&'a str>,
    security_epoch: i64,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<InvitationOut>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_updated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    factors: Option<FactorsOut<'a>>,
}

#[derive(Serialize)]
struct InvitationOut {
    delivery: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_by: Option<String>,
    invited_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize)]
struct FactorsOut<'a> {
    totp: Vec<TotpOut<'a>>,
    recovery_codes: &'a [String],
}

#[derive(Serialize)]
struct TotpOut<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    name: &'a str,
    secret: &'a str,
    algorithm: &'static str,
    digits: u8,
    period: u64,
    created_at: Timestamp,
}

/// Writes one user as a line.
pub fn write(to: &mut impl Write, exported: &ExportedUser) -> std::io::Result<()> {
    let user = &exported.user;
    let credential = exported.credential.as_ref();
    let factors = exported.factors.as_ref();
    let factors = factors.filter(|factors| !factors.is_empty());
    let totp = factors.iter().flat_map(|factors| &factors.totp);
    let secrets: Vec<_> = totp.map(|totp| totp.secret.to_base32()).collect();
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
        preferred_locale: user.preferred_locale.as_ref().map(LanguageTag::as_str),
        security_epoch: user.security_epoch,
        version: user.version.0,
        created_at: user.created_at,
        updated_at: user.updated_at,
        deletion_at: user.deletion.map(|deletion| deletion.at),
        invitation: user.invitation.as_ref().map(invitation_out),
        last_sign_in_at: exported.last_sign_in_at,
        password_hash: credential.map(|credential| credential.data.expose().as_str()),
        password_updated_at: credential.map(|credential| credential.updated_at),
        factors: factors.map(|factors| FactorsOut {
            totp: factors.totp.iter().zip(&secrets).map(totp_out).collect(),
            recovery_codes: &factors.recovery_codes,
        }),
    };
    serde_json::to_writer(&mut *to, &line)?;
    to.write_all(b"\n")
}

fn invitation_out(invitation: &Invitation) -> InvitationOut {
    InvitationOut {
        delivery: invitation.delivery.as_str(),
        invited_by: invitation.invited_by.map(|id| id.to_string()),
        invited_at: invitation.invited_at,
        expires_at: invitation.expires_at,
    }
}

fn totp_out<'a>((totp, secret): (&'a ExportedTotp, &'a Secret<String>)) -> TotpOut<'a> {
    TotpOut {
        id: totp.id.map(|id| id.to_string()),
        name: totp.name.as_str(),
        secret: secret.expose(),
        algorithm: totp.parameters.algorithm(),
        digits: totp.parameters.digits,
        period: totp.parameters.period,
        created_at: totp.created_at,
    }
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
    preferred_locale: Option<String>,
    security_epoch: i64,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    deletion_at: Option<Timestamp>,
    invitation: Option<InvitationIn>,
    last_sign_in_at: Option<Timestamp>,
    password_hash: Option<String>,
    password_updated_at: Option<Timestamp>,
    factors: Option<FactorsIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct InvitationIn {
    delivery: String,
    invited_by: Option<String>,
    invited_at: Timestamp,
    expires_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FactorsIn {
    totp: Vec<TotpIn>,
    #[serde(default)]
    recovery_codes: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TotpIn {
    id: Option<String>,
    name: String,
    secret: String,
    algorithm: String,
    digits: u8,
    period: u64,
    created_at: Timestamp,
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
    let deletion_at = line.deletion_at;
    let deletion_at = deletion_at.map(|at| check_timestamp("deletion_at", at));
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
        preferred_locale: read_preferred_locale(line.preferred_locale.as_deref())?,
        security_epoch: line.security_epoch,
        void_undo_links: VoidUndoLinks::default(),
        deletion: deletion_at.transpose()?.map(PendingDeletion::at),
        invitation: line.invitation.map(read_invitation).transpose()?,
        version: Version(line.version),
        created_at: check_timestamp("created_at", line.created_at)?,
        updated_at: check_timestamp("updated_at", line.updated_at)?,
    };
    let last_sign_in_at = line.last_sign_in_at;
    let last_sign_in_at = last_sign_in_at.map(|at| check_timestamp("last_sign_in_at", at));
    let last_sign_in_at = last_sign_in_at.transpose()?;
    let factors = line.factors.map(read_factors).transpose()?;
    let password = notes.password(line.password_hash.map(Secret::new));
    let password = password.map(|hash| (hash, set_at));
    let user = ImportedUser::new(user, password)
        .and_then(|user| user.with_factors(factors.unwrap_or_default()))
        .map_err(|why| Rejection::refused(&why))?
        .with_last_sign_in(last_sign_in_at);
    Ok(ConvertedUser {
        user,
        notes: notes.into_notes(),
    })
}

fn read_preferred_locale(tag: Option<&str>) -> Result<Option<LanguageTag>, Rejection> {
    let parsed = tag.map(LanguageTag::parse).transpose();
    parsed.map_err(|_| wrong_type("preferred_locale", "a language tag"))
}

fn read_invitation(invitation: InvitationIn) -> Result<Invitation, Rejection> {
    let delivery = InvitationDelivery::from_name(&invitation.delivery)
        .ok_or_else(|| wrong_type("invitation.delivery", "one of mail, link"))?;
    let invited_by = invitation.invited_by.map(|id| {
        id.parse::<UserId>()
            .map_err(|()| wrong_type("invitation.invited_by", "a lower-case UUID"))
    });
    let expires_at = invitation.expires_at;
    let expires_at = expires_at.map(|at| check_timestamp("invitation.expires_at", at));
    Ok(Invitation {
        delivery,
        invited_by: invited_by.transpose()?,
        invited_at: check_timestamp("invitation.invited_at", invitation.invited_at)?,
        expires_at: expires_at.transpose()?,
    })
}

fn read_factors(factors: FactorsIn) -> Result<ExportedFactors, Rejection> {
    let totp = factors.totp.into_iter().map(read_totp);
    Ok(ExportedFactors {
        totp: totp.collect::<Result<_, _>>()?,
        recovery_codes: factors.recovery_codes,
        skipped: Vec::new(),
    })
}

fn read_totp(totp: TotpIn) -> Result<ExportedTotp, Rejection> {
    let secret = Secret::new(totp.secret);
    let id = totp.id.map(|id| {
        id.parse::<CredentialId>()
            .map_err(|()| wrong_type("factors.totp.id", "a UUID in lower case"))
    });
    Ok(ExportedTotp {
        id: id.transpose()?,
        name: FactorName::parse(&totp.name)
            .map_err(|_| wrong_type("factors.totp.name", "a name of 1 to 64 characters"))?,
        secret: TotpSecret::from_base32(secret.expose())
            .ok_or_else(|| wrong_type("factors.totp.secret", "10 to 128 bytes in base 32"))?,
        parameters: TotpParameters::new(&totp.algorithm, totp.digits, totp.period).ok_or_else(
            || {
                wrong_type(
                    "factors.totp",
                    "of a supported algorithm, digits and period",
                )
            },
        )?,
        created_at: check_timestamp("factors.totp.created_at", totp.created_at)?,
    })
}

fn check_timestamp(name: &str, moment: Timestamp) -> Result<Timestamp, Rejection> {
    truncate_to_micros(moment).ok_or_else(|| wrong_type(name, "a time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_of_this_and_older_versions_are_read() {
        for (version, is_read) in [(0, false), (1, true), (7, true), (8, false)] {
            let header = HEADER.replace(&VERSION.to_string(), &version.to_string());
            assert_eq!(check_header(header.as_bytes()).is_ok(), is_read, "{header}");
        }
    }
}
