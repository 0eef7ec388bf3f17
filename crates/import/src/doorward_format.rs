//! Doorward's own format: JSON lines, first a header, then one user a line. `docs/operations/user-files.md` describes
//! it for programs that write it.
//!
//! Unknown fields are rejected, so that nothing is lost silently. Raise `VERSION` with each new field.

use std::borrow::Cow;
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

/// A user in a line; fields are in this order. Not `Debug`, since it contains a hash.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct UserRecord<'a> {
    id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    username: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pending_email: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<Cow<'a, str>>,
    role: Cow<'a, str>,
    status: Cow<'a, str>,
    #[serde(default)]
    data: Cow<'a, Map<String, Value>>,
    locale: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preferred_locale: Option<Cow<'a, str>>,
    security_epoch: i64,
    version: i64,
    created_at: Timestamp,
    updated_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    deletion_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invitation: Option<InvitationRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_sign_in_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_hash: Option<Cow<'a, str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password_updated_at: Option<Timestamp>,
    #[serde(skip_serializing_if = "Option::is_none")]
    factors: Option<FactorsRecord<'a>>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct InvitationRecord<'a> {
    delivery: Cow<'a, str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    invited_by: Option<String>,
    invited_at: Timestamp,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires_at: Option<Timestamp>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FactorsRecord<'a> {
    totp: Vec<TotpRecord<'a>>,
    #[serde(default)]
    recovery_codes: Cow<'a, [String]>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct TotpRecord<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<String>,
    name: Cow<'a, str>,
    secret: Cow<'a, str>,
    algorithm: Cow<'a, str>,
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
    let line = UserRecord {
        id: user.id.to_string(),
        username: user.username.as_ref().map(|name| name.as_str().into()),
        email: user.email.as_ref().map(|email| email.as_str().into()),
        pending_email: user.pending_address().map(|email| email.as_str().into()),
        name: user.name.as_ref().map(|name| name.as_str().into()),
        role: user.role.as_str().into(),
        status: user.status.as_str().into(),
        data: Cow::Borrowed(user.data.as_map()),
        locale: user.locale.tag().into(),
        preferred_locale: user
            .preferred_locale
            .as_ref()
            .map(|tag| tag.as_str().into()),
        security_epoch: user.security_epoch,
        version: user.version.0,
        created_at: user.created_at,
        updated_at: user.updated_at,
        deletion_at: user.deletion.map(|deletion| deletion.at),
        invitation: user.invitation.as_ref().map(invitation_out),
        last_sign_in_at: exported.last_sign_in_at,
        password_hash: credential.map(|credential| credential.data.expose().as_str().into()),
        password_updated_at: credential.map(|credential| credential.updated_at),
        factors: factors.map(|factors| FactorsRecord {
            totp: factors.totp.iter().zip(&secrets).map(totp_out).collect(),
            recovery_codes: Cow::Borrowed(&factors.recovery_codes),
        }),
    };
    serde_json::to_writer(&mut *to, &line)?;
    to.write_all(b"\n")
}

fn invitation_out(invitation: &Invitation) -> InvitationRecord<'static> {
    InvitationRecord {
        delivery: invitation.delivery.as_str().into(),
        invited_by: invitation.invited_by.map(|id| id.to_string()),
        invited_at: invitation.invited_at,
        expires_at: invitation.expires_at,
    }
}

fn totp_out<'a>((totp, secret): (&'a ExportedTotp, &'a Secret<String>)) -> TotpRecord<'a> {
    TotpRecord {
        id: totp.id.map(|id| id.to_string()),
        name: totp.name.as_str().into(),
        secret: secret.expose().into(),
        algorithm: totp.parameters.algorithm().into(),
        digits: totp.parameters.digits,
        period: totp.parameters.period,
        created_at: totp.created_at,
    }
}

/// Reads one user.
pub(super) fn read(value: Value, options: &ImportOptions) -> Conversion {
    let id = value["id"].as_str().map(str::to_owned);
    let line: UserRecord<'_> = serde_json::from_value(value).map_err(|error| {
        Rejection::malformed(capitalize(&unquoted(&error))).with_identifier(id.as_deref())
    })?;
    let names = [&line.username, &line.email, &line.pending_email];
    let name = names.into_iter().flatten().next();
    let identifier = name.map(|name| name.clone().into_owned()).or(id);
    convert(line, options).map_err(|rejection| rejection.with_identifier(identifier.as_deref()))
}

fn convert(line: UserRecord<'_>, options: &ImportOptions) -> Conversion {
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
            .field(
                UserField::Data,
                Some(Value::Object(line.data.into_owned())),
                Data::parse,
            )?
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
    let password = notes.password(
        line.password_hash
            .map(|hash| Secret::new(hash.into_owned())),
    );
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

fn read_invitation(invitation: InvitationRecord<'_>) -> Result<Invitation, Rejection> {
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

fn read_factors(factors: FactorsRecord<'_>) -> Result<ExportedFactors, Rejection> {
    let totp = factors.totp.into_iter().map(read_totp);
    Ok(ExportedFactors {
        totp: totp.collect::<Result<_, _>>()?,
        recovery_codes: factors.recovery_codes.into_owned(),
        skipped: Vec::new(),
    })
}

fn read_totp(totp: TotpRecord<'_>) -> Result<ExportedTotp, Rejection> {
    let secret = Secret::new(totp.secret.into_owned());
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
