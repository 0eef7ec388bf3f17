//! What `doorward doctor` hears about Redis. Tries all that the store does, on keys of its own that
//! are gone afterwards, and by themselves within a minute whatever happens.

use std::sync::Arc;
use std::time::Duration;

use doorward_domain::checkup::Finding;
use doorward_domain::model::Session;
use doorward_domain::ports::{Budget, Charge, Clock, Seen, Sessions, StoreError, Throttle};
use doorward_domain::throttle::Limits;
use doorward_domain::tokens::CounterNames;
use doorward_domain::values::{Digest, SessionId, UserId};
use jiff::{SignedDuration, Timestamp};
use redis::aio::MultiplexedConnection;
use redis::{ErrorKind, ServerErrorKind};
use tokio::time::timeout;

use crate::connect::{self, Connection, Opened};
use crate::durability::{self, Visibility};
use crate::fault::Fault;
use crate::link::{CONNECT_WITHIN, soon};
use crate::url::Tls;
use crate::{RedisSettings, RedisStore};

const REACH: &str = "redis";
const TLS: &str = "redis: TLS";
const RIGHTS: &str = "redis: rights";
const MEMORY: &str = "redis: memory";
const PERSISTENCE: &str = "redis: persistence";
const CLOCK: &str = "redis: clock";

/// How long what is tried with would stay, were this to be cut off in the middle.
const KEPT: SignedDuration = SignedDuration::from_secs(60);
/// The name of a script that no server knows.
const NO_SCRIPT: &str = "0000000000000000000000000000000000000000";
/// More than this between two clocks is worth a word.
const CLOCKS_APART: SignedDuration = SignedDuration::from_secs(5);

/// Tries Redis, one finding a line.
pub async fn examine(settings: &RedisSettings, clock: Arc<dyn Clock>) -> Vec<Finding> {
    let opened = match timeout(CONNECT_WITHIN, connect::open(&settings.url)).await {
        Ok(opened) => opened,
        Err(_) => Err(Fault::Unreachable("connecting took too long".into())),
    };
    let Opened {
        mut connection,
        node,
        server,
    } = match opened {
        Ok(opened) => opened,
        Err(fault) => return vec![unusable(&fault)],
    };
    let hosts = settings.url.hosts();
    let found = format!("version {}, {}, at {hosts}", server.version, server.mode);
    let mut findings = vec![Finding::fine(REACH, found), tls(settings)];
    findings.extend(rights(settings, clock.clone(), &mut connection).await);
    findings.extend(durability(node.clone()).await);
    findings.push(clocks(node, &*clock).await);
    findings
}

fn unusable(fault: &Fault) -> Finding {
    let mend = match fault {
        Fault::Unfit(_) => "change `redis.url`, or the server it leads to",
        _ => "see that it runs, that `redis.url` leads there, and that nothing in between refuses",
    };
    Finding::fault(REACH, fault.to_string(), mend)
}

fn tls(settings: &RedisSettings) -> Finding {
    match (&settings.url.tls, settings.url.is_open_to_listeners()) {
        (Tls::System, _) => Finding::fine(TLS, "encrypted; the system's authorities are trusted"),
        (Tls::Ca(path), _) => {
            let found = format!("encrypted; trusted is {}", path.display());
            Finding::fine(TLS, found)
        }
        (Tls::Off, false) => Finding::fine(TLS, "not encrypted, and it never leaves this machine"),
        (Tls::Off, true) => Finding::warning(
            TLS,
            "passwords and sessions cross a network for anybody to read",
            "turn on TLS in Redis (tls-port) and write rediss:// in `redis.url`",
        ),
    }
}

/// Does all that the store will do, and says what was refused.
async fn rights(
    settings: &RedisSettings,
    clock: Arc<dyn Clock>,
    connection: &mut Connection,
) -> Vec<Finding> {
    let mend = "give the user the rights that docs/decisions/0013-redis.md lists (`ACL SETUSER`)";
    let now = clock.now();
    let settings = RedisSettings {
        prefix: format!("{}doctor:", settings.prefix),
        ..settings.clone()
    };
    let forbidden = forbidden(connection, &settings.prefix).await;
    if !forbidden.is_empty() {
        let found = format!("this user may not: {}", forbidden.join(", "));
        return vec![Finding::fault(RIGHTS, found, mend)];
    }
    let store = match RedisStore::open(settings, CounterNames::for_trials(), clock) {
        Ok(store) => store,
        Err(fault) => return vec![unusable(&fault)],
    };
    let mut answers = try_sessions(&store, &session(now)).await;
    answers.extend(try_throttles(&store, now).await);
    let mut refused: Vec<String> = Vec::new();
    for error in answers.into_iter().filter_map(Result::err) {
        let text = error.cause.to_string();
        if !refused.contains(&text) {
            refused.push(text);
        }
    }
    if refused.is_empty() {
        return vec![Finding::fine(RIGHTS, "all that is needed is allowed")];
    }
    let mend = "look into its log: the rights are there, and still it will not";
    let finding = |found| Finding::fault(RIGHTS, found, mend);
    refused.into_iter().map(finding).collect()
}

/// The commands that are refused to this user by name: a script that runs into one does not say
/// which it was.
async fn forbidden(connection: &mut Connection, prefix: &str) -> Vec<&'static str> {
    let (hash, text) = (format!("{prefix}hash"), format!("{prefix}text"));
    let trials: [(&str, Vec<&str>); 14] = [
        ("HSET", vec![&hash, "field", "value"]),
        ("PEXPIRE", vec![&hash, "60000"]),
        ("PTTL", vec![&hash]),
        ("HGET", vec![&hash, "field"]),
        ("HMGET", vec![&hash, "field"]),
        ("HGETALL", vec![&hash]),
        ("EXISTS", vec![&hash]),
        ("HDEL", vec![&hash, "field"]),
        ("SET", vec![&text, "text", "PX", "60000"]),
        ("GET", vec![&text]),
        ("DEL", vec![&text]),
        ("TIME", vec![]),
        ("EVAL", vec!["return 1", "1", &text]),
        ("EVALSHA", vec![NO_SCRIPT, "1", &text]),
    ];
    let mut forbidden = Vec::new();
    for (name, words) in trials {
        let mut command = redis::cmd(name);
        command.arg(words);
        let refused = soon(connection.send(&command)).await.err();
        if let Some(Fault::Refused(error)) = refused
            && error.kind() == ErrorKind::Server(ServerErrorKind::NoPerm)
        {
            forbidden.push(name);
        }
    }
    forbidden
}

/// Nobody's, of an id that no generator makes.
fn session(now: Timestamp) -> Session {
    let seed = format!("doctor {now} {}", std::process::id());
    let digest = Digest::of(seed.as_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&digest.as_bytes()[..16]);
    Session {
        id: SessionId::from_bytes(id),
        digest,
        user_id: UserId::from_bytes(id),
        epoch: 0,
        generation: 0,
        renewed_at: now,
        created_at: now,
        last_seen_at: now,
        expires_at: now + KEPT,
        address: None,
        user_agent: None,
    }
}

async fn try_sessions(store: &RedisStore, session: &Session) -> Vec<Result<(), StoreError>> {
    let (user_id, id) = (session.user_id, session.id);
    let now = session.created_at;
    let seen = Seen {
        user_id,
        id,
        at: now,
    };
    vec![
        store.insert_session(session).await,
        store
            .find_session(user_id, &session.digest, now)
            .await
            .map(drop),
        store.list_sessions(user_id, now).await.map(drop),
        store.renew_session(session, 0).await.map(drop),
        store.touch_sessions(&[seen]).await,
        store.delete_session(user_id, id).await.map(drop),
        store.ping().await,
    ]
}

async fn try_throttles(store: &RedisStore, now: Timestamp) -> Vec<Result<(), StoreError>> {
    let budget = Budget {
        name: "doctor",
        burst: 1,
        window: Duration::from_secs(60),
    };
    let ladder = Arc::new(Limits::default().slowing());
    let charges = [
        Charge::budget(budget, String::new()),
        Charge::guess(&ladder, String::new()),
    ];
    vec![
        store.take(&charges, now).await.map(drop),
        store.take(&charges[1..], now).await.map(drop),
        store.give_back(&charges[1..], now).await,
        store.clear(&charges, now).await,
    ]
}

async fn durability(node: MultiplexedConnection) -> Vec<Finding> {
    let settings = match durability::look(node).await {
        Visibility::Settings(settings) => settings,
        Visibility::Hidden => {
            return vec![Finding::warning(
                PERSISTENCE,
                "this user may not see the server's settings (`CONFIG GET`)",
                "see to it that maxmemory-policy is noeviction and that it writes to disk",
            )];
        }
    };
    let memory = match settings.evicts() {
        false => Finding::fine(
            MEMORY,
            "nothing is thrown away when memory is full; new sessions are refused then",
        ),
        true => Finding::warning(
            MEMORY,
            format!(
                "sessions are thrown away when memory is full ({})",
                settings.policy
            ),
            "set maxmemory-policy to noeviction",
        ),
    };
    let persistence = match (settings.has_log, settings.has_snapshots) {
        (true, _) => Finding::fine(PERSISTENCE, "every write is logged to disk (appendonly)"),
        (false, true) => Finding::fine(
            PERSISTENCE,
            "snapshots are written; a crash signs out whoever signed in since the last",
        ),
        (false, false) => Finding::warning(
            PERSISTENCE,
            "nothing is written to disk: a restart signs everybody out",
            "set appendonly to yes",
        ),
    };
    vec![memory, persistence]
}

async fn clocks(mut node: MultiplexedConnection, clock: &dyn Clock) -> Finding {
    let asked_at = clock.now();
    let time = redis::cmd("TIME");
    let answer = soon(time.query_async::<(i64, i64)>(&mut node)).await;
    let theirs = answer.ok().and_then(|(seconds, micros)| {
        Timestamp::from_microsecond(seconds.saturating_mul(1_000_000).saturating_add(micros)).ok()
    });
    let Some(theirs) = theirs else {
        let mend = "allow the user TIME, which the throttles go by";
        return Finding::fault(CLOCK, "it does not say what time it is", mend);
    };
    let apart = theirs.duration_since(asked_at).abs();
    match apart > CLOCKS_APART {
        false => Finding::fine(CLOCK, "agrees with this machine's"),
        true => Finding::warning(
            CLOCK,
            format!("{} s away from this machine's", apart.as_secs()),
            "let both follow a time server; nothing breaks, since nodes share the server's clock for throttles and sessions carry their own end",
        ),
    }
}
