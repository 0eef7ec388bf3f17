//! Sessions on Redis: what a snapshot can restore, and what works while Redis is down.

use doorward_domain::values::Digest;
use doorward_testkit::servers::{self, DedicatedRedis, RedisOptions, Snapshot, dedicated_redis};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use super::http::Reply;
use super::{MailSink, Server, Setup, eventually};
use crate::support::{OTHER_PASSWORD, PASSWORD};

/// A Redis server, and a runtime for the test's thread, which may block.
struct Redis {
    runtime: Runtime,
    server: DedicatedRedis,
}

impl Redis {
    fn start() -> Self {
        let runtime = Runtime::new().unwrap();
        let server = runtime.block_on(dedicated_redis(RedisOptions::default()));
        Self { runtime, server }
    }

    fn stop(&self) {
        self.runtime.block_on(self.server.stop());
    }

    fn start_again(&self) {
        self.runtime.block_on(self.server.start());
    }

    fn command(&self, words: &[&str]) -> String {
        self.runtime.block_on(self.server.command(words))
    }

    fn snapshot(&self) -> Snapshot {
        self.runtime.block_on(self.server.snapshot())
    }

    /// Kills Redis and restores it from the snapshot.
    fn rewind_to(&self, snapshot: &Snapshot) {
        self.runtime.block_on(self.server.kill());
        self.server.restore(snapshot);
        self.start_again();
    }

    fn stored_sessions(&self) -> usize {
        let keys = self.command(&["KEYS", "*:session:*"]);
        keys.lines().filter(|line| !line.is_empty()).count()
    }

    fn setup(&self) -> Setup {
        Setup::on_a_file()
            .with("REDIS_URL", &self.server.url())
            .with("ADMIN_PASSWORD", PASSWORD)
            .with("DOORWARD_THROTTLE__ENABLED", "false")
    }
}

fn check(server: &Server, token: &str) -> u16 {
    server.send("GET", "/auth", Some(token), None).status
}

fn sign_up(server: &Server, name: &str) -> Reply {
    server.post("/user", json!({"username": name, "password": PASSWORD}))
}

fn try_sign_in(server: &Server, name: &str) -> Reply {
    server.post("/auth", json!({"username": name, "password": PASSWORD}))
}

fn wait_until_ready(server: &Server) {
    eventually("it is ready", || {
        (server.get("/readyz").status == 200).then_some(())
    });
}

/// Signs up with an address, confirms it, signs in.
fn person(server: &Server, sink: &MailSink, name: &str) -> String {
    let email = format!("{name}@example.com");
    let body = json!({"username": name, "email": email, "password": PASSWORD});
    server.post("/user", body).expect(201);
    follow(server, sink, "/confirmation/", json!({})).expect(200);
    server.sign_in(name, PASSWORD)
}

/// Posts to the link in the next mail.
fn follow(server: &Server, sink: &MailSink, kind: &str, body: Value) -> Reply {
    let link = sink.next_mail().link(kind);
    let path = link.find(kind).map_or(link.as_str(), |at| &link[at..]);
    server.post(path, body)
}

#[test]
fn an_old_snapshot_revives_no_ended_session() {
    let redis = Redis::start();
    let sink = MailSink::start();
    let database = redis.runtime.block_on(servers::postgres());
    let setup = redis
        .setup()
        .with("SMTP_URL", &sink.url())
        .with("DATABASE_URL", &database)
        // Tokens contain it, and must stay valid after a restart on another port.
        .with("DOORWARD_PUBLIC_URL", "http://localhost:8000");
    let server = setup.start();
    let admin = server.sign_in("admin", PASSWORD);
    let as_admin = |method, path: &str, body| server.send(method, path, Some(&admin), body);
    let names = [
        "password", "recovery", "disabled", "deleted", "moved", "demoted", "out", "one", "all",
    ];
    let ended = names.map(|name| person(&server, &sink, name));
    let stays = person(&server, &sink, "stays");
    let beside = server.sign_in("one", PASSWORD);
    let id = server.send("GET", "/auth", Some(&ended[7]), None).json()["session"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let before = redis.stored_sessions();
    let snapshot = redis.snapshot();

    let body = json!({"username": "password", "current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    server
        .send("PUT", "/password", None, Some(body))
        .expect(204);
    sink.next_mail();
    server
        .post("/recovery", json!({"email": "recovery@example.com"}))
        .expect(202);
    let body = json!({"new_password": OTHER_PASSWORD});
    follow(&server, &sink, "/recovery/", body).expect(204);
    sink.next_mail();
    // Enabled again: the sessions have ended, not the account.
    for status in ["disabled", "active"] {
        let body = Some(json!({"status": status}));
        as_admin("PUT", "/user/disabled/status", body).expect(200);
    }
    as_admin("DELETE", "/user/deleted", None).expect(204);
    let body = json!({"email": "elsewhere@example.com", "password": PASSWORD});
    server
        .send("PUT", "/user/me/email", Some(&ended[4]), Some(body))
        .expect(202);
    let mut mails = [sink.next_mail(), sink.next_mail()];
    mails.sort_by_key(|mail| mail.to() != "elsewhere@example.com");
    let link = mails[0].link("/confirmation/");
    server
        .post(&link[link.find("/confirmation/").unwrap()..], json!({}))
        .expect(200);
    let body = Some(json!({"role": "admin"}));
    as_admin("PUT", "/user/demoted/role", body).expect(200);
    as_admin("DELETE", "/user/demoted/session", None).expect(204);
    server
        .send("DELETE", "/auth", Some(&ended[6]), None)
        .expect(204);
    let path = format!("/user/me/session/{id}");
    server
        .send("DELETE", &path, Some(&beside), None)
        .expect(204);
    server
        .send("DELETE", "/user/me/session", Some(&ended[8]), None)
        .expect(204);
    for (name, token) in names.iter().zip(&ended) {
        assert_eq!(check(&server, token), 401, "{name}");
    }
    assert!(redis.stored_sessions() < before);

    redis.rewind_to(&snapshot);
    assert_eq!(redis.stored_sessions(), before, "Redis has them all again");
    wait_until_ready(&server);
    for (name, token) in names.iter().zip(&ended) {
        assert_eq!(check(&server, token), 401, "{name}");
    }
    for (name, token) in [("admin", &admin), ("stays", &stays), ("beside", &beside)] {
        assert_eq!(check(&server, token), 200, "{name}");
    }
    let list = server
        .send("GET", "/user/me/session", Some(&beside), None)
        .json();
    assert_eq!(list["items"].as_array().unwrap().len(), 1, "{list}");
    // A node with an empty cache does not accept it either.
    drop(server);
    let server = setup.start();
    for (name, token) in names.iter().zip(&ended) {
        assert_eq!(check(&server, token), 401, "{name}");
    }
    assert_eq!(check(&server, &stays), 200);
}

/// See docs/decisions/0013-redis.md: the newest token shows that Redis lost a renewal, and that ends the session,
/// since the older token might be stolen.
#[test]
fn a_snapshot_from_before_a_renewal_ends_the_session() {
    let redis = Redis::start();
    let server = redis.setup().start();
    sign_up(&server, "ben").expect(201);
    let first = server.sign_in("ben", PASSWORD);
    let snapshot = redis.snapshot();
    let renewed = server.send("POST", "/auth/renewal", Some(&first), None);
    let second = renewed.expect(200).json()["token"]
        .as_str()
        .unwrap()
        .to_owned();
    redis.rewind_to(&snapshot);
    wait_until_ready(&server);
    eventually("the newest is refused", || {
        (check(&server, &second) == 401).then_some(())
    });
    eventually("and the spent one with it", || {
        (check(&server, &first) == 401).then_some(())
    });
    redis.rewind_to(&snapshot);
    wait_until_ready(&server);
    assert_eq!(check(&server, &first), 401, "permanently");
}

/// Redis rejects the session after the audit event is committed, so the response must not claim that nothing was changed.
#[test]
fn with_a_full_redis_the_outcome_of_a_sign_in_is_unknown() {
    let redis = Redis::start();
    let server = redis.setup().start();
    sign_up(&server, "ben").expect(201);
    let token = server.sign_in("ben", PASSWORD);
    redis.command(&["CONFIG", "SET", "maxmemory", "1"]);
    let refused = try_sign_in(&server, "ben").expect(503);
    assert_eq!(refused.json()["code"], "outcome-unknown");
    assert!(!refused.body.contains("Nothing was changed"));
    assert_eq!(check(&server, &token), 200, "open sessions stay");
    redis.command(&["CONFIG", "SET", "maxmemory", "0"]);
    try_sign_in(&server, "ben").expect(201);
}

#[test]
fn without_redis_sign_in_fails_and_everything_else_works() {
    let redis = Redis::start();
    let server = redis
        .setup()
        .with("DOORWARD_THROTTLE__ENABLED", "true")
        .start();
    sign_up(&server, "ben").expect(201);
    sign_up(&server, "ada").expect(201);
    let token = server.sign_in("ben", PASSWORD);
    assert_eq!(check(&server, &token), 200);
    redis.stop();

    // Within a second this node has it cached. After that it cannot know that the token is invalid.
    let refused = eventually("it queries Redis again", || {
        let reply = server.send("GET", "/auth", Some(&token), None);
        assert!([200, 503].contains(&reply.status), "{}", reply.status);
        (reply.status == 503).then_some(reply)
    });
    assert_eq!(refused.json()["code"], "store-unavailable");
    assert!(refused.header("retry-after").is_some());
    // Its audit event is in the database by then.
    let refused = try_sign_in(&server, "ben").expect(503);
    assert_eq!(refused.json()["code"], "outcome-unknown");
    let ready = server.get("/readyz").expect(503);
    assert!(ready.body.contains("session store"), "{}", ready.body);
    assert!(!ready.body.contains("database is"), "{}", ready.body);
    server.get("/healthz").expect(200);

    sign_up(&server, "eve").expect(201);
    server.get("/.well-known/jwks.json").expect(200);
    server.get("/").expect(200);
    let body = json!({"email": "nobody@example.com"});
    server.post("/recovery", body.clone()).expect(202);
    let body = json!({"email": "nobody.else@example.com"});
    server.post("/confirmation", body).expect(202);
    let body =
        json!({"username": "ada", "current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    server
        .send("PUT", "/password", None, Some(body))
        .expect(204);
    let wrong =
        json!({"username": "ada", "current_password": PASSWORD, "new_password": OTHER_PASSWORD});
    server
        .send("PUT", "/password", None, Some(wrong))
        .expect(401);

    redis.start_again();
    wait_until_ready(&server);
    assert_eq!(
        check(&server, &token),
        200,
        "it was saved when Redis was stopped"
    );
    server.sign_in("eve", PASSWORD);
    server.sign_in("ada", OTHER_PASSWORD);
    let log = server.stop();
    assert_outages_are_logged_once(&log);
}

/// Asserts that an outage is logged when it begins and when it ends, and not for each failed call. On a busy machine
/// a call may time out before or after the outage of the test: that is another one.
#[track_caller]
fn assert_outages_are_logged_once(log: &str) {
    let (begins, ends) = ("Redis unavailable", "reconnected to Redis");
    let lines = log
        .lines()
        .filter(|line| line.contains(begins) || line.contains(ends));
    let mut lines: Vec<_> = lines.map(|line| line.contains(begins)).collect();
    // The last call before the end may fail.
    lines.truncate(lines.len() / 2 * 2);
    assert!(!lines.is_empty(), "{log}");
    assert!(
        lines.chunks(2).all(|outage| outage == [true, false]),
        "{log}"
    );
}

/// Losing Redis loses only sessions.
#[test]
fn a_wiped_redis_ends_all_sessions_and_nothing_else() {
    let redis = Redis::start();
    let server = redis.setup().start();
    sign_up(&server, "ben").expect(201);
    for wipe in [["FLUSHALL"].as_slice(), &["FLUSHALL", "ASYNC"]] {
        let token = server.sign_in("ben", PASSWORD);
        assert_eq!(check(&server, &token), 200);
        redis.command(wipe);
        redis.command(&["SCRIPT", "FLUSH"]);
        eventually("the session ended", || {
            let status = check(&server, &token);
            assert!([200, 401].contains(&status), "{status}");
            (status == 401).then_some(())
        });
    }
    server.sign_in("ben", PASSWORD);
}

#[test]
fn doctor_checks_redis() {
    let redis = Redis::start();
    let setup = redis.setup();
    let reported = setup.run(&["doctor"]);
    for part in ["redis", "redis: memory", "redis: persistence"] {
        assert!(reported.out.contains(part), "{part}: {reported:?}");
    }
    assert_eq!(redis.command(&["DBSIZE"]), "0");
    redis.stop();
    let reported = setup.run(&["doctor"]);
    assert_ne!(reported.code, 0, "{reported:?}");
    assert!(
        reported.out.contains("cannot connect to Redis"),
        "{reported:?}"
    );
}

/// C-09: the log contains what Redis would lose, and nothing else.
#[test]
fn risky_redis_settings_are_logged_at_the_start() {
    let runtime = Runtime::new().unwrap();
    for (settings, warnings) in [
        (
            vec!["maxmemory 100mb", "maxmemory-policy allkeys-lru"],
            ["noeviction"].as_slice(),
        ),
        (vec!["appendonly yes"], &[]),
    ] {
        let options = RedisOptions {
            settings,
            ..RedisOptions::default()
        };
        let redis = runtime.block_on(dedicated_redis(options));
        let server = Setup::on_a_file().with("REDIS_URL", &redis.url()).start();
        let log = server.stop();
        let warned: Vec<_> = log
            .lines()
            .filter(|line| line.contains("\"WARN\"") && line.contains("Redis"))
            .collect();
        assert_eq!(warned.len(), warnings.len(), "{warned:?}");
        for (line, says) in warned.iter().zip(warnings) {
            assert!(line.contains(says), "{line}");
        }
    }
    let redis = runtime.block_on(dedicated_redis(RedisOptions::default()));
    runtime.block_on(redis.command(&["CONFIG", "SET", "save", ""]));
    let server = Setup::on_a_file().with("REDIS_URL", &redis.url()).start();
    let log = server.stop();
    assert!(log.contains("a restart ends all sessions"), "{log}");
}

/// The session ends although Redis is down, since the database records it.
#[test]
fn a_sign_out_during_a_redis_outage_takes_effect() {
    let redis = Redis::start();
    let server = redis.setup().start();
    sign_up(&server, "ben").expect(201);
    let mut away = 0;
    eventually(
        "a sign-out within the second in which the session is cached",
        || {
            let token = server.sign_in("ben", PASSWORD);
            assert_eq!(check(&server, &token), 200);
            redis.stop();
            let out = server.send("DELETE", "/auth", Some(&token), None).status;
            redis.start_again();
            wait_until_ready(&server);
            away += 1;
            assert!([204, 503].contains(&out), "{out}");
            let after = check(&server, &token);
            assert_eq!(after, if out == 204 { 401 } else { 200 }, "{out}");
            (out == 204 || away == 20).then_some(())
        },
    );
}

#[test]
fn the_password_of_redis_is_never_printed() {
    let runtime = Runtime::new().unwrap();
    let redis = runtime.block_on(dedicated_redis(RedisOptions {
        user: Some(("doorward", "hunter2", "~* +@all")),
        ..RedisOptions::default()
    }));
    let setup = Setup::on_a_file()
        .with("REDIS_URL", &redis.url())
        .with("DOORWARD_LOG__FILTER", "trace");
    let server = setup.start();
    runtime.block_on(redis.stop());
    sign_up(&server, "ben").expect(201);
    let body = try_sign_in(&server, "ben").expect(503).body;
    let reported = server.stop() + &body + &setup.run(&["config", "show"]).expect(0).out;
    assert!(!reported.contains("hunter2"), "{reported}");
    let wrong = setup.with("REDIS_URL", &format!("{}?wait=1", redis.url()));
    for command in ["serve", "config check"] {
        let words: Vec<_> = command.split(' ').collect();
        let refused = wrong.run(&words);
        assert_ne!(refused.code, 0);
        let reported = refused.out + &refused.err;
        assert!(
            reported.contains("REDIS_URL") && reported.contains("`wait`"),
            "{reported}"
        );
        assert!(!reported.contains("hunter2"), "{reported}");
    }
}

/// Names of all counters of this kind.
fn counters(redis: &Redis, kind: &str) -> Vec<String> {
    let keys = redis.command(&["KEYS", &format!("*:throttle:{kind}*")]);
    let mut keys: Vec<_> = keys.lines().map(str::to_owned).collect();
    keys.sort_unstable();
    keys
}

/// L-05: a reader of Redis without the master key cannot find out which client or account a counter belongs to.
/// nodes that share the key count together.
#[test]
fn the_name_of_a_counter_does_not_reveal_the_client() {
    let redis = Redis::start();
    let node = |master: &str| {
        let setup = redis.setup().with("JWT_SECRET_KEY", master);
        setup.with("DOORWARD_THROTTLE__ENABLED", "true").start()
    };
    let guess = |server: &Server| {
        let body = json!({"email": "canary@example.com", "password": "nothing of the kind"});
        server.post("/auth", body).expect(401);
    };
    guess(&node("kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjP"));
    let all = counters(&redis, "");
    assert!(all.len() >= 3, "{all:?}");
    for counted in ["", "127.0.0.1"] {
        let digest = Digest::of(counted.as_bytes());
        let digest = digest
            .as_bytes()
            .iter()
            .fold(String::new(), |text, byte| format!("{text}{byte:02x}"));
        let bare = all.iter().find(|name| name.contains(&digest));
        assert_eq!(bare, None, "{counted:?} can be tried");
    }
    // Counters of passwords live longest.
    let first = counters(&redis, "guess");
    guess(&node("kV3-qFz8_mLw29TtRb7uYxNe5sHd1GjP"));
    assert_eq!(counters(&redis, "guess"), first);
    guess(&node("another-qFz8_mLw29TtRb7uYxNe5sHd"));
    assert_eq!(counters(&redis, "guess").len(), 2 * first.len());
}
