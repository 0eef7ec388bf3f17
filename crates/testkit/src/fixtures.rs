//! Records to store. Each call creates a new one: ids increase, and names, addresses and digests are unique. A
//! test changes the fields it is about and leaves the others.
//!
//! To add a noun: a function that fills every field, so that a round trip tests every column.

use std::sync::atomic::{AtomicU64, Ordering};

use doorward_domain::memory::SeededRandom;
use doorward_domain::model::{
    AuditEvent, AuditKind, AuthMethod, Credential, Invitation, InvitationDelivery, JobStatus, Link,
    MailJob, MailKind, Outcome, PendingDeletion, PendingEmail, Purpose, RequestedBy, Session,
    SigningKey, Status, User, Version, VoidUndoLinks,
};
use doorward_domain::values::{
    AuditEventId, Data, Digest, EmailAddress, JobId, LanguageTag, Locale, Name, Role, Secret,
    SessionId, UserId, Username,
};
use jiff::{SignedDuration, Timestamp};
use serde_json::json;

/// A time with microseconds, so late that no store's own clock considers it past.
pub fn now() -> Timestamp {
    Timestamp::from_microsecond(4_000_000_000_123_457).expect("a moment of 2096")
}

/// A time this many microseconds after [`now`].
pub fn later(microseconds: i64) -> Timestamp {
    now() + SignedDuration::from_micros(microseconds)
}

/// A unique number.
pub fn unique() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// A new id of any kind: `id!(UserId)`. It sorts after all earlier ones.
macro_rules! id {
    ($kind:ident) => {{
        let number = unique();
        let at = now()
            + SignedDuration::from_millis(i64::try_from(number).expect("tests end long before"));
        $kind::generate(at, &SeededRandom::new(number))
    }};
}

/// A new user's id.
pub fn user_id() -> UserId {
    id!(UserId)
}

/// A new session's id.
pub fn session_id() -> SessionId {
    id!(SessionId)
}

/// A unique digest.
pub fn digest() -> Digest {
    Digest::of(&unique().to_le_bytes())
}

/// A unique address.
pub fn email() -> EmailAddress {
    address(&format!("Ben+{}@Example.com", unique()))
}

/// Parses an address.
pub fn address(text: &str) -> EmailAddress {
    EmailAddress::parse(text).expect("an address")
}

/// Parses a username.
pub fn username(text: &str) -> Username {
    Username::parse(text).expect("a username")
}

/// The address as a pending one, requested by an admin.
pub fn pending_email(address: EmailAddress) -> PendingEmail {
    PendingEmail {
        address,
        requested_at: now(),
        requested_by: RequestedBy::Admin,
    }
}

/// An active user with every field filled.
pub fn user() -> User {
    let data = json!({ "colour": "grün 🌿", "nested": { "list": [1, -2, 0.5, null, true, "\"\\\u{7f}"] }, "": "" });
    User {
        id: user_id(),
        username: Some(username(&format!("Bén-{}", unique()))),
        email: Some(email()),
        pending_email: Some(pending_email(email())),
        name: Some(Name::parse("Bén 🦊 o'Neill \\ %_! \"x\" 李").expect("a name")),
        role: Role::User,
        status: Status::Active,
        data: Data::parse(data).expect("an object"),
        locale: Locale::De,
        preferred_locale: Some(LanguageTag::parse("de-CH").expect("a tag")),
        security_epoch: 7,
        void_undo_links: VoidUndoLinks::default(),
        deletion: Some(PendingDeletion::at(later(30))),
        invitation: Some(invitation()),
        version: Version::FIRST,
        created_at: now(),
        updated_at: later(1),
    }
}

/// An invitation by mail that is not accepted.
pub fn invitation() -> Invitation {
    Invitation {
        delivery: InvitationDelivery::Mail,
        invited_by: Some(user_id()),
        invited_at: now(),
        expires_at: Some(later(60)),
    }
}

/// An active admin.
pub fn admin() -> User {
    User {
        role: Role::Admin,
        deletion: None,
        ..user()
    }
}

/// A user who signed up and has not confirmed the address. No other optional field is set.
pub fn pending_user() -> User {
    User {
        username: None,
        email: None,
        name: None,
        status: Status::Pending,
        data: Data::default(),
        preferred_locale: None,
        deletion: None,
        invitation: None,
        ..user()
    }
}

/// The user after another write.
pub fn next_version(user: &User) -> User {
    User {
        version: user.version.next(),
        ..user.clone()
    }
}

/// The user as a store returns it for a lookup by name.
pub fn without_data(user: &User) -> User {
    User {
        data: Data::not_loaded(),
        ..user.clone()
    }
}

/// A password of the user. The hash has a valid form and matches no password.
pub fn credential(user_id: UserId) -> Credential {
    let hash = format!("$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA{}", unique());
    Credential::password(user_id, Secret::new(hash), now())
}

/// A session of the user, valid for a day.
pub fn session(user_id: UserId) -> Session {
    Session {
        id: session_id(),
        digest: digest(),
        user_id,
        epoch: 7,
        generation: 3,
        renewed_at: later(2),
        created_at: now(),
        auth_time: later(1),
        amr: vec![AuthMethod::Password],
        last_seen_at: later(3),
        expires_at: now() + SignedDuration::from_hours(24),
        address: Some("2001:db8::1".parse().expect("an address")),
        user_agent: Some("Mözilla/5.0 🦊 'x' \\ \"y\"".to_owned()),
    }
}

/// A link of the user, valid for a day.
pub fn link(user_id: UserId, purpose: Purpose) -> Link {
    Link {
        digest: digest(),
        user_id,
        purpose,
        email: (purpose != Purpose::Invitation).then(email),
        epoch: 7,
        requested_at: later(-1),
        created_at: now(),
        expires_at: now() + SignedDuration::from_hours(24),
        used_at: None,
    }
}

/// A mail about the user, due now.
pub fn mail_job(user_id: UserId) -> MailJob {
    MailJob {
        id: id!(JobId),
        kind: MailKind::SignUp,
        user_id: Some(user_id),
        email: email(),
        locale: Locale::De,
        device: Some("Firefox, Linux, 192.0.2.7".to_owned()),
        created_at: now(),
        attempts: 0,
        due_at: now(),
        failed_at: None,
        status: JobStatus::Waiting,
        failed_attempts: 0,
        last_error: Some("451 4.3.0 Fehler für <b***@example.com> 🌿".to_owned()),
    }
}

/// A signing key of meaningless bytes.
pub fn signing_key() -> SigningKey {
    let number = unique();
    let mut public = *Digest::of(&number.to_le_bytes()).as_bytes();
    public[31] = 0;
    SigningKey {
        kid: format!("key-{number}"),
        position: i64::try_from(number).expect("tests end long before"),
        public,
        sealed: (0..=255).collect(),
        created_at: later(i64::try_from(number).expect("tests end long before")),
        retired_at: None,
    }
}

/// An audit event about the user.
pub fn audit_event(user_id: UserId) -> AuditEvent {
    AuditEvent {
        id: id!(AuditEventId),
        at: now(),
        event: AuditKind::SignIn,
        outcome: Outcome::Failure,
        actor: format!("user:{user_id}"),
        user_id: Some(user_id),
        address: Some("192.0.2.7".parse().expect("an address")),
        user_agent: Some("curl/8 🦊".to_owned()),
        request_id: format!("request-{}", unique()),
        detail: Some("grün".to_owned()),
    }
}
