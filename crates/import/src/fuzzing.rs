//! Fuzz targets of the parsers of other systems' users: one function per target, which checks properties that hold
//! for any input. Compiled only for the fuzzer and for tests (`fuzz/src/lib.rs` describes how to add one).

use std::ops::ControlFlow;

use doorward_domain::passwords::hashing::FirebaseParameters;
use doorward_domain::values::{EmailAddress, Locale, Secret, Username};
use jiff::Timestamp;

use crate::format::Format;
use crate::hash_config;
use crate::options::{EmailStatus, ImportOptions, UserField};
use crate::source::{Location, Source};

#[cfg(test)]
#[path = "../../../fuzz/replay.rs"]
mod replay;

/// Name and function of a target.
pub type FuzzTarget = (&'static str, fn(&[u8]));

/// All targets. A target's program and the folder of its seeds have its name.
pub const TARGETS: &[FuzzTarget] = &[
    ("django_files", django_files),
    ("doorward_files", doorward_files),
    ("firebase_files", firebase_files),
    ("firebase_hashing", firebase_hashing),
    ("keycloak_files", keycloak_files),
    ("supabase_files", supabase_files),
];

/// More users than a fuzzed file contains.
const MANY: u64 = 100_000;

/// Doorward's own format.
pub fn doorward_files(data: &[u8]) {
    users_of(Format::Doorward, data);
}

/// Django's format.
pub fn django_files(data: &[u8]) {
    users_of(Format::Django, data);
}

/// Supabase's format.
pub fn supabase_files(data: &[u8]) {
    users_of(Format::Supabase, data);
}

/// Keycloak's format.
pub fn keycloak_files(data: &[u8]) {
    users_of(Format::Keycloak, data);
}

/// Firebase's format.
pub fn firebase_files(data: &[u8]) {
    users_of(Format::Firebase, data);
}

/// Hash parameters of Firebase: accepted ones can be used, and no error contains the key.
pub fn firebase_hashing(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    match hash_config::parse(&text) {
        Ok(parameters) => assert!(parameters.check().is_ok()),
        Err(error) => assert!(!format!("{error:#}").contains("hunter2")),
    }
}

/// In every format, an accepted user has a valid name or address, users are passed in their order, and no
/// rejection or note contains a hash.
fn users_of(format: Format, data: &[u8]) {
    for drop_invalid in [
        Vec::new(),
        vec![
            UserField::Username,
            UserField::Email,
            UserField::Password,
            UserField::Name,
            UserField::Data,
        ],
    ] {
        let options = ImportOptions {
            now: Timestamp::UNIX_EPOCH,
            email_status: EmailStatus::Keep,
            keep_admins: true,
            drop_invalid,
            default_locale: Locale::default(),
            firebase: Some(FirebaseParameters {
                signer_key: Secret::new("AAAAAAAAAAAAAAAAAAAAAA==".to_owned()),
                salt_separator: "Bw==".to_owned(),
                rounds: 8,
                mem_cost: 14,
            }),
        };
        let mut last = 0;
        let source = Source::from_bytes(data);
        let detected = source.detect();
        assert!(detected.is_err() || !data.is_empty());
        let read = source.read(format, &mut |location, value| {
            let (Location::Line(number) | Location::Item(number)) = location;
            assert!(last < number && number < MANY, "{location:?} after {last}");
            last = number;
            if let Ok(value) = value {
                one(format, value, &options);
            }
            ControlFlow::Continue(())
        });
        if let Err(error) = read {
            assert!(!error.to_string().is_empty());
        }
    }
}

fn one(format: Format, value: serde_json::Value, options: &ImportOptions) {
    let whole = value.to_string();
    let translated = match format.convert(value, options) {
        Ok(translated) => translated,
        Err(rejection) => {
            let message = format!("{} {}", rejection.code, rejection.detail);
            assert!(!rejection.code.is_empty());
            assert!(
                !is_a_hash_alone(&whole) || !message.contains(HASH),
                "{message}"
            );
            return;
        }
    };
    let user = translated.user.user();
    let address = user.email.as_ref().or(user.pending_address());
    assert!(user.username.is_some() || address.is_some(), "{whole}");
    if let Some(name) = &user.username {
        let again = Username::parse(name.as_str()).expect("it is a valid username");
        assert_eq!(again.key(), name.key());
    }
    for address in [user.email.as_ref(), user.pending_address()]
        .into_iter()
        .flatten()
    {
        let again = EmailAddress::parse(address.as_str()).expect("it is a valid address");
        assert_eq!(&again, address);
    }
    assert!(user.version.0 >= 1 && user.security_epoch >= 1);
    assert_ne!(user.id.as_bytes(), &[0; 16]);
    for note in &translated.notes {
        let message = &note.detail;
        assert!(
            !is_a_hash_alone(&whole) || !message.contains(HASH),
            "{message}"
        );
    }
}

/// Beginning of the hashes in the seeds.
const HASH: &str = "$argon2";

/// Returns `true` if the only hash is in a field of hashes or times. A name that looks like a hash is a name.
fn is_a_hash_alone(whole: &str) -> bool {
    let stands = |name: &str| {
        let (_, value) = whole.split_once(&format!("\"{name}\":\""))?;
        value.split_once('"').map(|(value, _)| value.contains(HASH))
    };
    let names = [
        "password_hash",
        "password",
        "encrypted_password",
        "passwordHash",
        "created_at",
        "updated_at",
    ];
    whole.matches(HASH).count() == 1 && names.iter().any(|name| stands(name) == Some(true))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// P-09, C-02: runs each target with its seeds, on every machine.
    #[test]
    fn every_seed_has_the_expected_properties() {
        replay::seeds_of(TARGETS);
    }
}
