//! Whole files: a faulty user is rejected with its reason and its line, and does not affect others.

use std::fmt::Write as _;
use std::ops::ControlFlow;

use doorward_domain::values::Locale;
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::doorward_format::HEADER;
use crate::{ConvertedUser, EmailStatus, Format, ImportOptions, Location, Source, UserField};

/// The place of each record, with the user or the code of the rejection; and the error that ended the file.
type Outcome = (Vec<(u64, Result<ConvertedUser, String>)>, Option<String>);

fn read(format: Format, text: &str, drop_invalid: &[UserField]) -> Outcome {
    let options = ImportOptions {
        now: Timestamp::UNIX_EPOCH,
        email_status: EmailStatus::Keep,
        keep_admins: false,
        drop_invalid: drop_invalid.to_vec(),
        default_locale: Locale::default(),
        firebase: None,
    };
    let mut records = Vec::new();
    let read = Source::from_bytes(text.as_bytes()).read(format, &mut |location, value| {
        let (Location::Line(place) | Location::Item(place)) = location;
        let user = value.and_then(|value| format.convert(value, &options));
        let user = user.map_err(|rejection| {
            assert!(rejection.detail.ends_with('.'), "{}", rejection.detail);
            rejection.code
        });
        records.push((place, user));
        ControlFlow::Continue(())
    });
    (records, read.err().map(|error| format!("{error:#}")))
}

/// A line of Doorward's format, with one field changed or, if `value` is null, without it.
fn line(field: &str, value: Value) -> String {
    let mut user = json!({
        "id": "0193d2a0-0000-7000-8000-000000000001",
        "username": "ben",
        "email": "ben@example.com",
        "role": "user",
        "status": "active",
        "locale": "en",
        "security_epoch": 1,
        "version": 1,
        "created_at": "2024-01-01T00:00:00Z",
        "updated_at": "2024-01-01T00:00:00.000001Z",
        "password_hash": "$argon2id$v=19$m=19456,t=2,p=1$c2FsdHNhbHRzYWx0c2FsdA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
        "password_updated_at": "2024-01-01T00:00:00Z",
    });
    match value {
        Value::Null => _ = user.as_object_mut().unwrap().remove(field),
        value => user[field] = value,
    }
    user.to_string()
}

fn factors(authenticators: usize, algorithm: &str, recovery_codes: usize) -> Value {
    let totp = json!({
        "name": "Phone", "secret": "GEZDGNBVGY3TQOJQ", "algorithm": algorithm,
        "digits": 6, "period": 30, "created_at": "2024-01-01T00:00:00Z",
    });
    json!({
        "totp": vec![totp; authenticators],
        "recovery_codes": vec!["AAAAAAAAAAAAAAAAAAAAAA"; recovery_codes],
    })
}

#[test]
fn each_invalid_line_has_its_code_and_the_others_are_read() {
    let faults = [
        (
            line("id", json!("0193D2A0-0000-7000-8000-000000000001")),
            "malformed",
        ),
        (
            line("id", json!("00000000-0000-0000-0000-000000000000")),
            "id-invalid",
        ),
        (line("username", json!("a b")), "username-invalid"),
        (line("email", json!("unknown")), "email-invalid"),
        (line("name", json!("a\nb")), "name-invalid"),
        (line("role", json!("root")), "malformed"),
        (line("status", json!("asleep")), "malformed"),
        (line("status", json!("pending")), "no-pending-email"),
        (
            line("data", json!({"x": "y".repeat(17_000)})),
            "data-invalid",
        ),
        (line("locale", json!("tlh")), "malformed"),
        (line("version", json!(0)), "counter-out-of-range"),
        (line("created_at", json!("yesterday")), "malformed"),
        (line("created_at", Value::Null), "malformed"),
        (
            line("password_hash", json!("$1$salt$qJH7.N4xYta3aEG/dfqo/0")),
            "password-unreadable",
        ),
        (line("password", json!("three boats")), "malformed"),
        (line("factors", factors(11, "SHA1", 0)), "factors-invalid"),
        (line("factors", factors(1, "SHA1", 11)), "factors-invalid"),
        (line("factors", factors(0, "SHA1", 1)), "factors-invalid"),
        (line("factors", factors(1, "MD5", 0)), "malformed"),
        ("{\"id\":".to_owned(), "malformed"),
        ("7".to_owned(), "malformed"),
        (
            format!("{{\"id\":\"{}\"}}", "x".repeat(2_000_000)),
            "malformed",
        ),
    ];
    let mut text = HEADER.to_owned();
    for (fault, _) in &faults {
        let _ = writeln!(text, "{fault}\n{}", line("name", json!("Ben")));
    }
    let (records, error) = read(Format::Doorward, &text, &[]);
    assert_eq!((records.len(), error), (2 * faults.len(), None));
    for (records, (fault, expected)) in records.chunks(2).zip(&faults) {
        let code = records[0].1.as_ref().err();
        assert_eq!(code.map(String::as_str), Some(*expected), "{fault:.200}");
        assert!(records[1].1.is_ok(), "{fault:.200}");
    }
}

#[test]
fn an_invalid_field_that_may_be_dropped_is_dropped_and_noted() {
    for (field, value, dropped, code) in [
        (
            "username",
            json!("a b"),
            UserField::Username,
            "username-dropped",
        ),
        ("email", json!("unknown"), UserField::Email, "email-dropped"),
        ("name", json!("a\nb"), UserField::Name, "name-dropped"),
        (
            "data",
            json!({"x": "y".repeat(17_000)}),
            UserField::Data,
            "data-dropped",
        ),
        (
            "password_hash",
            json!("$1$salt$hash"),
            UserField::Password,
            "password-dropped",
        ),
    ] {
        let text = format!("{HEADER}{}\n", line(field, value));
        let (records, _) = read(Format::Doorward, &text, &[dropped]);
        let notes = &records[0].1.as_ref().unwrap().notes;
        assert_eq!((notes.len(), notes[0].code.as_str()), (1, code));
    }
}

#[test]
fn a_file_of_another_format_is_an_error() {
    for (format, text, expected) in [
        (Format::Django, "", "empty"),
        (Format::Doorward, "{\"username\":\"ben\"}", "first line"),
        (
            Format::Doorward,
            "{\"format\":\"doorward-users\",\"version\":8}",
            "newer",
        ),
        (
            Format::Doorward,
            "{\"format\":\"doorward-users\",\"version\":5,\"x\":2}",
            "first line",
        ),
        (Format::Django, "hello", "not JSON"),
        (Format::Firebase, "1,b@c.de,true", "not JSON"),
        (Format::Supabase, "a,b\n1,2\n", "`id`"),
        (
            Format::Supabase,
            "id,email,encrypted_password,id\n1,a@b.de,,7\n",
            "`id` twice",
        ),
        (Format::Keycloak, "{\"realm\": \"x\"}", "no `users`"),
        (
            Format::Keycloak,
            "{\"realm\": \"x\", \"users\": {}}",
            "list of users",
        ),
        (
            Format::Keycloak,
            "{\"realm\": \"x\", \"users\": [",
            "after 0 users",
        ),
    ] {
        let (records, error) = read(format, text, &[]);
        let error = error.unwrap();
        assert!(
            error.contains(expected) && records.is_empty(),
            "{text}: {error}"
        );
    }
    let undetected = Source::from_bytes(b"hello").detect().unwrap_err();
    assert!(undetected.to_string().contains("--format"), "{undetected}");
}

/// Supabase exports a table as JSON lines, too, and Keycloak several realms in one file.
#[test]
fn each_layout_of_a_file_is_read_with_its_places() {
    let id = |number: u32| format!("9f8e7d6c-5b4a-4938-8271-{number:012}");
    let row = |number| json!({"id": id(number), "email": format!("user-{number}@example.com")});
    let (records, error) = read(Format::Supabase, &format!("{}\n{}\n", row(1), row(2)), &[]);
    let places: Vec<_> = records
        .iter()
        .map(|(place, user)| (*place, user.is_ok()))
        .collect();
    assert_eq!((places, error), (vec![(1, true), (2, true)], None));
    let realm = |number| json!({"realm": "x", "users": [{"id": id(number), "username": format!("user-{number}")}]});
    let (records, error) = read(
        Format::Keycloak,
        &json!([realm(1), realm(2)]).to_string(),
        &[],
    );
    let places: Vec<_> = records
        .iter()
        .map(|(place, user)| (*place, user.is_ok()))
        .collect();
    assert_eq!((places, error), (vec![(1, true), (2, true)], None));
}

#[test]
fn a_misplaced_quotation_mark_in_a_csv_file_rejects_one_user_and_names_its_line() {
    let mut text = "id,email,encrypted_password,phone\n".to_owned();
    for number in 0..20 {
        let odd = if number == 7 { "\"" } else { "" };
        let id = format!("9f8e7d6c-5b4a-4938-8271-{number:012}");
        let _ = writeln!(text, "{id},{odd}user-{number}@example.com,,");
    }
    let (records, error) = read(Format::Supabase, &text, &[]);
    assert_eq!((records.len(), error), (20, None));
    for (number, (place, user)) in records.iter().enumerate() {
        assert_eq!(*place, number as u64 + 2);
        match user {
            Ok(user) => {
                // Not confirmed in the file.
                let address = user.user.user().pending_address().unwrap();
                assert_eq!(address.as_str(), format!("user-{number}@example.com"));
            }
            Err(code) => assert_eq!((number, code.as_str()), (7, "malformed")),
        }
    }
}
