//! Clients that sign up, sign in, change passwords and sign out during failures, and a journal of the responses.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use crate::client::{Client, OTHER_PASSWORD, Outcome, PASSWORD};

/// Longer than anything takes. Only a failing test reaches it.
const TEST_TIMEOUT: Duration = Duration::from_secs(60);
/// Delay before a client retries a rejected request.
const PAUSE: Duration = Duration::from_millis(50);

/// The clients, each in a thread.
pub struct Load {
    shared: Arc<Shared>,
    people: Vec<JoinHandle<Vec<UserRecord>>>,
}

#[derive(Default)]
struct Shared {
    is_over: AtomicBool,
    done: AtomicUsize,
    refused: AtomicUsize,
    unknown: AtomicUsize,
}

/// What one client did after its sign-up.
struct UserRecord {
    name: String,
    signed_up: Outcome,
    /// `None` if no password change was requested.
    changed: Option<Outcome>,
    sessions: Vec<Session>,
}

struct Session {
    token: String,
    /// `None` if no request was to end it.
    ended: Option<Outcome>,
}

/// All recorded outcomes.
pub struct Journal {
    records: Vec<UserRecord>,
}

impl Load {
    /// Starts the clients. Their usernames start with `name`.
    pub fn start(client: Client, name: &str) -> Self {
        let shared = Arc::<Shared>::default();
        let person = |number: usize| {
            let (shared, name) = (shared.clone(), format!("{name}-{number}"));
            std::thread::spawn(move || {
                let mut records = Vec::new();
                while !shared.is_over.load(Ordering::SeqCst) {
                    let name = format!("{name}-{}", records.len());
                    records.push(live(client, &shared, name, records.len() + number));
                }
                records
            })
        };
        Self {
            people: (0..4).map(person).collect(),
            shared,
        }
    }

    /// Waits for this many more successes.
    #[track_caller]
    pub fn does(&mut self, more: usize) {
        self.wait_for("more is done", more, |shared| &shared.done);
    }

    /// Waits for this many more requests that were rejected or have an unknown outcome.
    #[track_caller]
    pub fn is_refused(&mut self, more: usize) {
        self.wait_for("more is refused", more, |shared| &shared.refused);
    }

    #[track_caller]
    fn wait_for(&mut self, what: &str, more: usize, count: fn(&Shared) -> &AtomicUsize) {
        let now = || count(&self.shared).load(Ordering::SeqCst);
        let (wanted, deadline) = (now() + more, Instant::now() + TEST_TIMEOUT);
        while now() < wanted {
            if let Some(broken) = self.people.iter().position(JoinHandle::is_finished) {
                let person = self.people.swap_remove(broken);
                std::panic::resume_unwind(person.join().err().expect("a client ended early"));
            }
            assert!(Instant::now() < deadline, "it never came to this: {what}");
            std::thread::park_timeout(Duration::from_millis(5));
        }
    }

    /// Stops new requests. Requests in flight may fail.
    pub fn cancel(&self) {
        self.shared.is_over.store(true, Ordering::SeqCst);
    }

    /// Waits for all clients to finish.
    pub fn stop(mut self) -> Journal {
        self.cancel();
        let people = std::mem::take(&mut self.people);
        let records = people.into_iter().map(|person| match person.join() {
            Ok(records) => records,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        let records: Vec<_> = records.flatten().collect();
        let count = |of: &AtomicUsize| of.load(Ordering::SeqCst);
        let (done, refused) = (count(&self.shared.done), count(&self.shared.refused));
        let unknown = count(&self.shared.unknown);
        println!(
            "{} users: {done} done, {refused} refused, {unknown} of them unknown",
            records.len()
        );
        Journal { records }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.cancel();
    }
}

impl Shared {
    fn note(&self, word: &Outcome) {
        match word {
            Outcome::Done(_) => self.done.fetch_add(1, Ordering::SeqCst),
            Outcome::Refused => self.refused.fetch_add(1, Ordering::SeqCst),
            Outcome::Unknown => {
                self.unknown.fetch_add(1, Ordering::SeqCst);
                self.refused.fetch_add(1, Ordering::SeqCst)
            }
        };
        if !matches!(word, Outcome::Done(_)) {
            std::thread::park_timeout(PAUSE);
        }
    }

    fn recorded(&self, word: Outcome) -> Outcome {
        self.note(&word);
        word
    }
}

/// One sign-up, followed by a password change, a sign-out, or neither.
fn live(client: Client, shared: &Shared, name: String, turn: usize) -> UserRecord {
    let mut record = UserRecord {
        signed_up: shared.recorded(client.sign_up(&name)),
        changed: None,
        sessions: Vec::new(),
        name,
    };
    if !matches!(record.signed_up, Outcome::Done(_)) {
        return record;
    }
    for _ in 0..2 {
        let token = client.sign_in(&record.name, PASSWORD);
        shared.note(
            &token
                .as_ref()
                .map_or(Outcome::Refused, |_| record.signed_up.clone()),
        );
        let session = |token| Session { token, ended: None };
        record.sessions.extend(token.map(session));
    }
    for session in &record.sessions {
        shared.note(&client.check(&session.token));
    }
    match (turn % 3, &mut record.sessions[..]) {
        (0, [own, others @ ..]) => {
            let word = shared.recorded(client.change_password(&own.token));
            for other in others {
                other.ended = Some(word.clone());
            }
            record.changed = Some(word);
            // Sessions are written after the password, and may be lost with their store.
            own.ended = Some(Outcome::Unknown);
        }
        (1, [first, ..]) => first.ended = Some(shared.recorded(client.sign_out(&first.token))),
        _ => {}
    }
    record
}

impl Journal {
    /// Compares the journal with the server's state, once its store is available again.
    #[track_caller]
    pub fn holds(&self, client: Client) {
        let admin = client.sign_in("admin", PASSWORD).unwrap();
        for record in &self.records {
            record.holds(client, &admin);
        }
    }
}

impl UserRecord {
    #[track_caller]
    fn holds(&self, client: Client, admin: &str) {
        let name = &self.name;
        let is_there = self.is_there(client);
        match self.signed_up {
            Outcome::Done(_) => assert!(is_there, "{name} was acknowledged and is missing"),
            Outcome::Refused => assert!(!is_there, "{name} was refused and exists"),
            Outcome::Unknown => {}
        }
        if !is_there {
            // The failed sign-up left nothing behind.
            client.sign_up(name).done();
        }
        let audit = format!("/audit?event=sign-up&user={name}");
        let audit = client.ask(200, "GET", &audit, Some(admin), None).done();
        let lines = audit.json()["items"].as_array().unwrap().len();
        assert_eq!(lines, 1, "{name}");
        for session in &self.sessions {
            let is_open = client.is_open(&session.token);
            match session.ended {
                Some(Outcome::Done(_)) => assert!(!is_open, "an ended session of {name} is valid"),
                // A sign-out can be repeated safely, and may be reported as not done.
                Some(Outcome::Refused | Outcome::Unknown) => {}
                None => assert!(is_open, "a session of {name} is missing"),
            }
        }
    }

    /// Returns `true` if the user exists, with the password that the responses imply.
    #[track_caller]
    fn is_there(&self, client: Client) -> bool {
        let name = &self.name;
        let (old, new) = match self.changed {
            None | Some(Outcome::Refused) => (true, false),
            Some(Outcome::Done(_)) => (false, true),
            Some(Outcome::Unknown) => (true, true),
        };
        let has_old = client.knows(name, PASSWORD);
        let has_new = self.changed.is_some() && client.knows(name, OTHER_PASSWORD);
        assert!(!has_old || old, "{name} still has the old password");
        assert!(
            !has_new || new,
            "{name} was refused the new password and has it"
        );
        assert!(!(has_old && has_new), "{name} has two passwords");
        has_old || has_new
    }
}

/// A journal that never fails would make all these tests worthless.
#[tokio::test(flavor = "multi_thread")]
async fn the_journal_detects_a_lost_user_and_a_revived_session() {
    use doorward_testkit::servers::{PostgresOptions, dedicated_postgres};
    let postgres = dedicated_postgres(PostgresOptions::default()).await;
    let server = crate::database::setup(&postgres.url()).start();
    let client = Client::of(&server);
    let copy = "CREATE TABLE kept (LIKE sessions); ALTER TABLE kept OWNER TO doorward; CREATE RULE keep AS \
                ON INSERT TO sessions DO ALSO INSERT INTO kept SELECT NEW.*";
    postgres.query(copy).await;
    let mut load = Load::start(client, "person");
    load.does(80);
    let journal = load.stop();
    journal.holds(client);
    let notices = || {
        let looked = std::panic::AssertUnwindSafe(|| journal.holds(client));
        std::panic::catch_unwind(looked).is_err()
    };
    let revive = "DROP RULE keep ON sessions; DELETE FROM ended_sessions; \
                  INSERT INTO sessions SELECT * FROM kept ON CONFLICT DO NOTHING";
    postgres.query(revive).await;
    assert!(notices(), "an ended session is valid again");
    let forget = "DELETE FROM users WHERE username = 'person-0-0'";
    postgres.query(forget).await;
    assert!(notices(), "a user is missing");
}
