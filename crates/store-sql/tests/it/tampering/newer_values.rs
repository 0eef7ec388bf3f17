//! Values that only a newer release writes: during a rolling upgrade the older release reads rows of the newer
//! one. It skips unknown values, and they do not block or hide other rows.

use doorward_domain::model::{AuditFilter, AuditKind, Job, Link, MailJob, Purpose};
use doorward_domain::store::{Batch, Claim, ReadStore, Record, Records, Store, Write};
use doorward_testkit::fixtures::{self, later, now};

use super::database::Database;

impl Database {
    async fn write(&self, batch: Batch) {
        self.store.apply(batch).await.unwrap();
    }

    /// Sets a value of a newer release in the row with this id.
    async fn rewrite(&self, table: &str, column: &str, key: &str, id: &[u8]) {
        let id = self.bytes(id);
        let sql = format!("UPDATE {table} SET {column} = 'of-tomorrow' WHERE {key} = {id}");
        assert_eq!(self.execute(&sql).await, 1);
    }
}

on_each_database! {
    a_mail_of_an_unknown_kind,
    a_link_of_an_unknown_purpose,
    an_event_of_an_unknown_name,
}

/// The other mails of the outbox are listed and sent; the unknown one stays for nodes that know its kind.
async fn a_mail_of_an_unknown_kind(url: &str) {
    let shared = Database::new(url).await;
    let user = fixtures::user_id();
    let jobs = [fixtures::mail_job(user), fixtures::mail_job(user)];
    shared.write(jobs.iter().map(Write::insert).collect()).await;
    shared
        .rewrite("jobs", "kind", "id", jobs[0].id.as_bytes())
        .await;
    let listed = || shared.store.list_readable::<MailJob>(Job::of_user(user));
    assert_eq!(listed().await.unwrap(), [jobs[1].clone()]);
    let claim = Claim {
        table: MailJob::TABLE,
        kinds: MailJob::kinds(),
        now: now(),
        lease_until: later(9),
        limit: 1,
    };
    let claimed = shared.store.claim::<MailJob>(claim).await;
    let ids: Vec<_> = claimed.unwrap().iter().map(|job| job.id).collect();
    assert_eq!(ids, [jobs[1].id], "one place, and the known one has it");
    let delete = Write::delete::<MailJob>(jobs[1].id);
    shared.write(vec![delete]).await;
    assert_eq!(shared.store.count_rows(Job::waiting()).await.unwrap(), 1);
    assert_eq!(listed().await.unwrap(), []);
}

/// The link is invalid. The user's other links are listed and valid.
async fn a_link_of_an_unknown_purpose(url: &str) {
    let shared = Database::new(url).await;
    let user = fixtures::user_id();
    let links = [Purpose::Confirmation, Purpose::Recovery].map(|each| fixtures::link(user, each));
    shared.write(links.iter().map(Write::put).collect()).await;
    let [unknown, known]: &[Link; 2] = &links;
    shared
        .rewrite("links", "purpose", "digest", unknown.digest.as_bytes())
        .await;
    let listed = shared
        .store
        .list_readable::<Link>(Link::of_user(user))
        .await
        .unwrap();
    assert_eq!(listed, std::slice::from_ref(known));
    let found = shared
        .store
        .find::<Link>(Link::DIGEST, &unknown.digest)
        .await;
    assert!(found.is_err());
    let found = shared
        .store
        .find::<Link>(Link::DIGEST, &known.digest)
        .await
        .unwrap();
    assert_eq!(found.as_ref(), Some(known));
}

/// L-01: it is listed as unknown, with its stored name.
async fn an_event_of_an_unknown_name(url: &str) {
    let shared = Database::new(url).await;
    let user = fixtures::user_id();
    let events = [fixtures::audit_event(user), fixtures::audit_event(user)];
    shared
        .write(events.iter().map(Write::insert).collect())
        .await;
    shared
        .rewrite("audit_events", "event", "id", events[0].id.as_bytes())
        .await;
    let filter = AuditFilter {
        user_id: Some(user),
        limit: 10,
        ..AuditFilter::default()
    };
    let everything = shared.events(filter.query()).await;
    let [about, _] = AuditFilter::of_user(user, None, 10);
    assert_eq!(everything, shared.events(about).await);
    let [known, unknown] = &everything[..] else {
        panic!("{everything:?}");
    };
    assert_eq!(known, &events[1]);
    assert_eq!(unknown.event, AuditKind::Other);
    assert_eq!(unknown.detail.as_deref(), Some("of-tomorrow grün"));
    let other = AuditFilter {
        event: Some(AuditKind::SignIn),
        ..filter
    };
    let sign_ins = shared.events(other.query()).await;
    assert_eq!(sign_ins, [events[1].clone()]);
}
