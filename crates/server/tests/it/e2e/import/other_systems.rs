//! Users of other systems: what they become, and that they sign in with their passwords.

use jiff::fmt::rfc2822;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder};

use super::{ADMIN_PASSWORD, PASSWORD, Server};
use super::{codes, counts, exported, fixture, import, new_setup, sign_in, sign_in_as_before};

#[test]
fn users_of_django_sign_in_as_before() {
    let setup = new_setup();
    let file = fixture("django.json");
    let (summary, report) = import(&setup, &[&file], 1);
    assert_eq!(
        counts(&summary),
        json!({
            "read": 16, "imported": 10, "already_exists": 0, "skipped": {"no-user": 1},
            "rejected": {"username-invalid": 2, "password-unreadable": 1, "email-invalid": 1, "username-taken": 1},
        })
    );
    assert_eq!(
        codes(&report, "ada"),
        ["admin-not-kept", "field-not-imported", "new-id"]
    );
    assert_eq!(codes(&report, "sha1"), ["field-not-imported", "new-id"]);
    assert_eq!(codes(&report, "odd@name"), ["username-invalid"]);
    assert_eq!(codes(&report, "other@example.com"), ["username-invalid"]);
    assert_eq!(codes(&report, "md5"), ["password-unreadable"]);
    assert_eq!(codes(&report, "noaddress"), ["email-invalid"]);
    assert_eq!(codes(&report, "ADA"), ["username-taken"]);
    assert_eq!(codes(&report, "nopassword"), ["new-id", "no-password"]);
    let became = ["new-id", "username-used-as-email"];
    assert_eq!(codes(&report, "mail.user@example.com"), became);
    assert_eq!(codes(&report, "only.mail@example.com"), became);

    let users = exported(&setup);
    let ada = &users["ada"];
    assert_eq!(
        (
            &ada["name"],
            &ada["role"],
            &ada["email"],
            &ada["created_at"]
        ),
        (
            &json!("Ada Löwe"),
            &json!("user"),
            &json!("ada@example.com"),
            &json!("2021-03-04T05:06:07.089Z")
        )
    );
    assert_eq!(ada["data"], json!({"django": {"pk": "1"}}));
    let line = report.iter().find(|line| line["original"] == "1").unwrap();
    assert_eq!(line["id"], ada["id"]);
    assert_eq!(users["gone"]["status"], "disabled");

    let server = setup.start();
    sign_in_as_before(
        &setup,
        &server,
        &[
            "ada",
            "sha1",
            "argon",
            "bcryptsha",
            "bcrypt",
            "scrypt",
            "mail.user@example.com",
            "only.mail@example.com",
        ],
    );
    assert_eq!(sign_in(&server, "gone", PASSWORD).0, 403);
    assert_eq!(sign_in(&server, "nopassword", PASSWORD).0, 401);
    server.sign_in("admin", ADMIN_PASSWORD);
}

/// A superuser becomes an admin, and an address unconfirmed, only with the option.
#[test]
fn options_decide_on_admins_and_the_email_status() {
    let setup = new_setup();
    let file = fixture("django.json");
    let all = [
        file.as_str(),
        "--keep-admins",
        "--email-status",
        "unconfirmed",
        "--allow-rejects",
        "--default-locale",
        "de",
    ];
    let (_, report) = import(&setup, &all, 0);
    let users = exported(&setup);
    let ada = &users["ada"];
    assert_eq!(
        (&ada["role"], &ada["status"]),
        (&json!("admin"), &json!("active"))
    );
    assert_eq!(ada["pending_email"], "ada@example.com");
    assert_eq!(ada["email"], Value::Null);
    assert_eq!(ada["locale"], "de");
    let waiting = &users["only.mail@example.com"];
    assert_eq!(waiting["status"], "pending");
    assert!(codes(&report, "only.mail@example.com").contains(&"confirmation-pending"));
    let server = setup.start();
    let token = server.sign_in("ada", PASSWORD);
    let audit = server
        .send("GET", "/audit?event=role-changed", Some(&token), None)
        .expect(200)
        .json();
    assert_eq!(audit["items"][0]["detail"], "admin");
    let audit = server
        .send("GET", "/audit?event=sign-up", Some(&token), None)
        .expect(200)
        .json();
    assert!(
        audit["items"][0]["detail"]
            .as_str()
            .unwrap()
            .ends_with("imported from django")
    );
    let (status, problem) = sign_in(&server, "only.mail@example.com", PASSWORD);
    assert_eq!(
        (status, &problem["code"]),
        (403, &json!("email-unconfirmed"))
    );
}

#[test]
fn users_of_supabase_sign_in_as_before_and_keep_their_ids() {
    for name in ["supabase.json", "supabase.csv"] {
        let setup = new_setup();
        let (summary, report) = import(&setup, &[&fixture(name)], 1);
        assert_eq!(
            counts(&summary),
            json!({
                "read": 9, "imported": 7, "already_exists": 0, "skipped": {"deleted": 1},
                "rejected": {"no-identifier": 1},
            }),
            "{name}"
        );
        let users = exported(&setup);
        let ben = &users["ben@example.edu"];
        assert_eq!(ben["id"], "9f8e7d6c-5b4a-4938-8271-000000000001");
        assert_eq!(ben["name"], "Ben Beispiel");
        assert_eq!(
            ben["data"],
            json!({"full_name": "Ben Beispiel", "colour": "grün", "age": 42})
        );
        assert_eq!(ben["created_at"], "2021-03-04T05:06:07.089012Z");
        assert_eq!(
            users["fb@example.edu"]["data"]["supabase"],
            json!({"phone": "4930000000"})
        );
        assert_eq!(users["banned@example.edu"]["status"], "disabled");
        assert_eq!(users["unconfirmed@example.edu"]["status"], "pending");
        assert_eq!(
            codes(&report, "oauth@example.edu"),
            ["field-not-imported", "no-password"]
        );
        assert_eq!(codes(&report, "ben@example.edu"), [""; 0]);
        let server = setup.start();
        let people = [
            "ben@example.edu",
            "argon@example.edu",
            "fb@example.edu",
            "paroled@example.edu",
        ];
        sign_in_as_before(&setup, &server, &people);
        assert_eq!(sign_in(&server, "banned@example.edu", PASSWORD).0, 403);
        assert_eq!(sign_in(&server, "unconfirmed@example.edu", PASSWORD).0, 403);
    }
}

#[test]
fn users_of_keycloak_sign_in_as_before() {
    let setup = new_setup();
    let (summary, report) = import(&setup, &[&fixture("keycloak.json")], 1);
    assert_eq!(
        counts(&summary),
        json!({
            "read": 13, "imported": 10, "already_exists": 0, "skipped": {"service-account": 1},
            "rejected": {"password-unreadable": 1, "username-invalid": 1},
        })
    );
    assert_eq!(codes(&report, "sha1"), ["admin-not-kept"]);
    assert_eq!(codes(&report, "sha512"), ["field-not-imported"]);
    assert_eq!(
        codes(&report, "ldap"),
        ["field-not-imported", "no-password"]
    );
    let line = report
        .iter()
        .find(|line| line["identifier"] == "sha512")
        .unwrap();
    for left in ["realmRoles", "groups", "sign-in by otp"] {
        assert!(line["detail"].as_str().unwrap().contains(left), "{line}");
    }
    let users = exported(&setup);
    assert!(users["sha512"].get("factors").is_none());
    let one = &users["sha256"];
    assert_eq!(one["id"], "0a1b2c3d-4e5f-4a6b-8c7d-000000000002");
    assert_eq!(
        (&one["name"], &one["locale"]),
        (&json!("Sha256 Mustermann"), &json!("de"))
    );
    assert_eq!(
        one["data"],
        json!({"locale": ["de"], "phone": ["+49 30 000"]})
    );
    assert_eq!(
        users["unverified"]["pending_email"],
        "unverified@example.org"
    );
    assert_eq!(users["mail@example.org"]["status"], "pending");
    let server = setup.start();
    let people = [
        "sha1",
        "sha256",
        "sha512",
        "argon",
        "old",
        "unverified",
        "sha256@example.org",
    ];
    sign_in_as_before(&setup, &server, &people);
    assert_eq!(sign_in(&server, "off", PASSWORD).0, 403);
    assert_eq!(sign_in(&server, "mail@example.org", PASSWORD).0, 403);
}

/// The second factor stays, with the same secret: neither its user nor an attacker who has the password skips it.
#[test]
fn authenticators_of_keycloak_users_stay_their_second_factor() {
    let setup = new_setup();
    let (_, report) = import(&setup, &[&fixture("keycloak.json")], 1);
    let line = report.iter().find(|line| line["identifier"] == "otp");
    assert_eq!(
        line.unwrap()["detail"],
        "Not imported: sign-in by recovery-authn-codes."
    );
    let server = setup.start();
    for app in [
        (&b"12345678901234567890"[..], Algorithm::SHA1, 6, 30),
        (
            b"12345678901234567890123456789012",
            Algorithm::SHA256,
            8,
            60,
        ),
    ] {
        let code = code(&server, app);
        let (status, next) = sign_in(&server, "otp", PASSWORD);
        assert_eq!(
            (status, &next["factors"]),
            (200, &json!([{"kind": "totp"}]))
        );
        let answer = |code: &str| {
            let body = json!({"challenge": next["challenge"], "kind": "totp", "code": code});
            server.post("/auth/factor", body)
        };
        assert_eq!(answer("00000000").json()["code"], "invalid-code");
        answer(&code).expect(201);
    }
}

/// The code of an authenticator by the server's clock.
fn code(
    server: &Server,
    (secret, algorithm, digits, period): (&[u8], Algorithm, u8, u64),
) -> String {
    let totp = Builder::new()
        .with_secret(secret.to_vec())
        .with_algorithm(algorithm)
        .with_digits(digits)
        .with_step_duration(period);
    let reply = server.send("GET", "/healthz", None, None);
    let now = rfc2822::parse(reply.header("date").unwrap()).unwrap();
    let seconds = u64::try_from(now.timestamp().as_second()).unwrap();
    totp.build_noncompliant().generate(seconds).to_string()
}

#[test]
fn users_of_firebase_sign_in_as_before() {
    let setup = new_setup();
    let (file, config) = (
        fixture("firebase.json"),
        fixture("firebase-hash-config.txt"),
    );
    let all = [
        file.as_str(),
        "--format",
        "firebase",
        "--firebase-hash-config",
        &config,
    ];
    let (summary, report) = import(&setup, &all, 1);
    assert_eq!(
        counts(&summary),
        json!({
            "read": 6, "imported": 5, "already_exists": 0, "skipped": {},
            "rejected": {"no-identifier": 1},
        })
    );
    let users = exported(&setup);
    let ben = &users["ben@example.net"];
    assert_eq!(ben["name"], "Ben, the Second");
    let kept = json!({"firebase": {
        "localId": "benbenbenbenbenbenbenbenb002", "photoUrl": "https://example.net/ben.png",
    }});
    assert_eq!(ben["data"], kept);
    assert_eq!(ben["created_at"], "2021-03-04T05:06:07.089Z");
    assert_eq!(
        codes(&report, "ben@example.net"),
        ["field-not-imported", "new-id"]
    );
    let google = codes(&report, "google@example.net");
    assert_eq!(google, ["field-not-imported", "new-id", "no-password"]);
    let server = setup.start();
    sign_in_as_before(&setup, &server, &["ben@example.net"]);
    assert_eq!(sign_in(&server, "vector@example.net", PASSWORD).0, 401);
    assert_eq!(
        sign_in(&server, "vector@example.net", "user1password").0,
        201
    );
    assert_eq!(sign_in(&server, "off@example.net", PASSWORD).0, 403);
    assert_eq!(sign_in(&server, "unverified@example.net", PASSWORD).0, 403);
}

/// Without the project's parameters no user could sign in, and that would be noticed much later.
#[test]
fn firebase_without_its_hash_parameters_is_rejected_first() {
    let setup = new_setup();
    let file = fixture("firebase.json");
    let outcome = setup.run(&["import", &file]).expect(1);
    assert!(
        outcome.err.contains("--firebase-hash-config"),
        "{}",
        outcome.err
    );
    assert!(exported(&setup).is_empty());
    let dropped = [file.as_str(), "--drop-invalid", "password"];
    let (_, report) = import(&setup, &dropped, 1);
    assert_eq!(
        codes(&report, "ben@example.net"),
        ["field-not-imported", "new-id", "password-dropped"]
    );
}
