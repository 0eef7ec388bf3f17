//! From store to store and back: the last export equals the first, byte for byte.

use doorward_testkit::servers;
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::rejects::user;
use super::{HEADER, PASSWORD, Setup, import, mode, new_setup, sign_in};
use crate::e2e::edit;

/// Users with various odd values, sorted by id as in an export.
fn people() -> Vec<String> {
    let mut people: Vec<_> = (0..1200).map(user).collect();
    for (number, person) in people.iter_mut().enumerate() {
        match number % 7 {
            0 => {
                person["name"] = "Bén 🦊 o'Neill \\ %_! \"x\" 李".into();
                person["data"] = json!({"é 🦀": [null, 0.1, -1.5e300, 9_007_199_254_740_993u64, {"x": "\u{7f}\\\""}], "": {}});
            }
            1 => {
                person["status"] = "pending".into();
                person["pending_email"] = format!("Pending.{number}@Example.com").into();
                for name in ["email", "username"] {
                    person.as_object_mut().unwrap().remove(name);
                }
                if number % 2 == 0 {
                    let times = ["2099-12-05T08:00:00.000001Z", "2099-12-12T08:00:00.000001Z"];
                    person["invitation"] = json!({"delivery": "mail", "invited_by": person["id"], "invited_at": times[0], "expires_at": times[1]});
                }
            }
            2 => {
                person["role"] = "admin".into();
                person["username"] = format!("Straße-ß-{number}").into();
                person["invitation"] =
                    json!({"delivery": "link", "invited_at": "2026-11-20T08:00:00.000001Z"});
                person["security_epoch"] = 7.into();
                person["version"] = 41.into();
                person["last_sign_in_at"] = "2026-11-20T08:00:00.000001Z".into();
            }
            3 => {
                for name in ["password_hash", "password_updated_at"] {
                    person.as_object_mut().unwrap().remove(name);
                }
                person["status"] = "disabled".into();
                person["deletion_at"] = "2099-12-05T08:00:00.000001Z".into();
            }
            4 => {
                person["created_at"] = "1969-12-31T23:59:59.999999Z".into();
                person["locale"] = "de".into();
                person["preferred_locale"] = "de-CH".into();
                person["pending_email"] = "moving@example.com".into();
                // `PASSWORD`, as Django stores it.
                person["password_hash"] = "pbkdf2_sha256$1000$seasalt1seasalt1seasal$Tq55lKPU8GkFcCC7G4D7cXJg2yhoUo/129MxX+caGps=".into();
            }
            5 => {
                person["factors"] = json!({
                    "totp": [totp((number, 1), "Phone 📱", "SHA1", 6, 30), totp((number, 2), "\"Tablet\"", "SHA512", 8, 60)],
                    "recovery_codes": ["AAAAAAAAAAAAAAAAAAAAAA", format!("{number:_>21}A")],
                });
            }
            _ => person["id"] = format!("f{number:07}-0000-4000-8000-000000000000").into(),
        }
    }
    people.sort_by_key(|person| person["id"].to_string());
    people.iter().map(ToString::to_string).collect()
}

fn totp(
    (user, factor): (usize, u8),
    name: &str,
    algorithm: &str,
    digits: u8,
    period: u64,
) -> Value {
    json!({
        "id": format!("{user:08}-0000-4000-8000-{factor:012}"),
        "name": name, "secret": "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ", "algorithm": algorithm,
        "digits": digits, "period": period, "created_at": "2024-01-01T00:00:00.000001Z",
    })
}

fn copy_users(from: &Setup, to: &Setup) -> Vec<u8> {
    from.run(&["export", "users.jsonl"]).expect(0);
    let file = from.path("users.jsonl");
    assert_eq!(mode(&file), 0o600);
    let (summary, report) = import(to, &[&file.display().to_string()], 0);
    assert_eq!(
        (summary["imported"].as_u64(), report.len()),
        (Some(1200), 0),
        "{summary}"
    );
    std::fs::read(file).unwrap()
}

#[test]
fn users_survive_a_round_trip_through_every_store_unchanged() {
    let runtime = Runtime::new().unwrap();
    let on = |url: String| new_setup().with("DATABASE_URL", &url);
    let (postgres, mariadb) = (
        on(runtime.block_on(servers::postgres())),
        on(runtime.block_on(servers::mariadb())),
    );
    let (first, last) = (Setup::on_a_file(), Setup::on_a_file());
    let first = first.file(
        "people.jsonl",
        &format!("{HEADER}{}\n", people().join("\n")),
    );
    import(&first, &["people.jsonl"], 0);
    let texts = [
        copy_users(&first, &postgres),
        copy_users(&postgres, &mariadb),
        copy_users(&mariadb, &last),
    ];
    last.run(&["export", "users.jsonl"]).expect(0);
    let end = std::fs::read(last.path("users.jsonl")).unwrap();
    assert_eq!(end.iter().filter(|byte| **byte == b'\n').count(), 1201);
    for text in &texts {
        assert!(*text == end, "a store changed something");
    }
    let server = last.start();
    assert_eq!(sign_in(&server, "user-4", PASSWORD).0, 201);
}

/// `-` and a pipe: from one database to another without a file.
#[test]
fn an_export_can_be_piped_into_an_import() {
    let from = new_setup().file(
        "people.jsonl",
        &format!("{HEADER}{}\n", people().join("\n")),
    );
    import(&from, &["people.jsonl"], 0);
    let text = from.run(&["export"]).expect(0).out;
    let to = new_setup();
    let outcome = to
        .run_with_input(&["import", "-", "--json"], &text)
        .expect(0);
    assert_eq!(outcome.json()["imported"], 1200);
    assert_eq!(outcome.err, "", "no bar without a terminal");
    assert_eq!(to.run(&["export", "-"]).expect(0).out, text);
}

/// C-01: the file is new, so that no one else has prepared it, and is removed if it is not complete.
#[test]
fn an_export_creates_its_file_and_removes_it_after_a_failure() {
    let setup = new_setup().file("people.jsonl", &format!("{HEADER}{}\n", user(1)));
    import(&setup, &["people.jsonl"], 0);
    std::fs::write(setup.path("planted"), "").unwrap();
    std::os::unix::fs::symlink(setup.path("planted"), setup.path("linked")).unwrap();
    for name in ["planted", "linked"] {
        let refused = setup.run(&["export", name]).expect(1).err;
        assert!(
            refused.contains(&format!("cannot create {name}")),
            "{refused}"
        );
    }
    assert_eq!(std::fs::read(setup.path("planted")).unwrap(), b"");
    edit(&setup, "UPDATE users SET role = 'unknown'");
    setup.run(&["export", "users.jsonl"]).expect(1);
    assert!(!setup.path("users.jsonl").exists());
}

/// An authenticator that another master key has sealed is left out, and named in the report.
#[test]
fn an_export_reports_the_authenticators_that_it_skips() {
    let person = |number: usize, names: &[&str]| {
        let mut person = user(number);
        let apps = names.iter().zip(1..);
        let apps = apps.map(|(name, factor)| totp((number, factor), name, "SHA1", 6, 30));
        person["factors"] = json!({"totp": apps.collect::<Vec<_>>(), "recovery_codes": []});
        person.to_string()
    };
    let people = [person(1, &["Phone", "Foreign"]), person(2, &["Foreign"])];
    let setup = new_setup().file("people.jsonl", &format!("{HEADER}{}\n", people.join("\n")));
    import(&setup, &["people.jsonl"], 0);
    edit(
        &setup,
        "UPDATE credentials SET data = json_set(data, '$.secret', 'AAAA') WHERE data LIKE '%Foreign%'",
    );
    let exported = setup.run(&["export", "users.jsonl"]).expect(0);
    let skipped = "skipped the authenticator app \"Foreign\" of the user";
    let report: Vec<_> = exported.err.lines().collect();
    let named = report.iter().filter(|line| line.starts_with(skipped));
    let ends = named.map(|line| line.ends_with("The user has no second factor in the file"));
    let mut ends: Vec<_> = ends.collect();
    ends.sort_unstable();
    assert_eq!(ends, [false, true], "{report:?}");
    let total = "Skipped 2 authenticator apps. Their users have to add them again";
    assert!(report.contains(&total), "{report:?}");
    let file = std::fs::read_to_string(setup.path("users.jsonl")).unwrap();
    assert!(file.contains("Phone") && !file.contains("Foreign"));
    let json = setup
        .run(&["export", "again.jsonl", "--json"])
        .expect(0)
        .json();
    assert_eq!(json["skipped_factors"].as_array().unwrap().len(), 2);
    assert_eq!(json["skipped_factors"][0]["name"], "Foreign");
}
