//! Lists of the audit log with filters that no index serves, and its last verification.

use doorward_domain::audit::CheckpointId;
use doorward_domain::model::{
    AuditEvent, AuditFilter, AuditKind, AuditPage, AuditVerification, Outcome,
};
use doorward_domain::store::{Store, Write};
use doorward_domain::values::{AuditEventId, Role};
use doorward_domain::{Ctx, Error};
use jiff::SignedDuration;

use crate::test_node::*;

/// Stores an event of a client, `age` milliseconds before now.
async fn store_event(node: &TestNode, age: i64, address: &str) {
    let signed_in = (AuditKind::SignIn, Outcome::Success);
    store_event_of(node, age, signed_in, address).await;
}

async fn store_event_of(
    node: &TestNode,
    age: i64,
    (event, outcome): (AuditKind, Outcome),
    address: &str,
) {
    let at = node.now() - SignedDuration::from_millis(age);
    let event = AuditEvent {
        id: AuditEventId::first_at(at),
        at,
        event,
        outcome,
        actor: "anonymous".to_owned(),
        user_id: None,
        address: Some(address.parse().unwrap()),
        user_agent: None,
        request_id: String::new(),
        detail: None,
    };
    node.store.apply(vec![Write::insert(&event)]).await.unwrap();
}

async fn of_network(node: &TestNode, network: &str, before: Option<AuditEventId>) -> AuditPage {
    page_of_network(node, network, before, 50).await
}

async fn page_of_network(
    node: &TestNode,
    network: &str,
    before: Option<AuditEventId>,
    limit: usize,
) -> AuditPage {
    let filter = AuditFilter {
        network: Some(network.parse().unwrap()),
        before,
        limit,
        ..AuditFilter::default()
    };
    let audit = &node.doorward.audit;
    audit.list(&node.operator(), &filter).await.unwrap()
}

#[tokio::test]
async fn events_are_found_by_the_network_of_the_client() {
    let node = TestNode::new().await;
    node.list_at_once();
    let addresses = [
        "203.0.113.7",
        "203.0.113.80",
        "::ffff:203.0.113.7",
        "2001:db8::1",
        "198.51.100.1",
    ];
    for (age, address) in (1..).zip(addresses) {
        store_event(&node, age, address).await;
    }
    for (network, expected) in [
        ("203.0.113.0/24", &addresses[..3]),
        ("2001:db8::/32", &addresses[3..4]),
        ("198.51.100.1/32", &addresses[4..]),
        ("192.0.2.0/24", &[]),
    ] {
        let page = of_network(&node, network, None).await;
        let found = page.events.iter().filter_map(|event| event.address);
        let found: Vec<String> = found.map(|address| address.to_string()).collect();
        assert_eq!(found, expected, "{network}");
        assert_eq!(page.next, None);
    }
    let page = of_network(&node, "203.0.113.7/32", None).await;
    assert_eq!(page.events.len(), 2);
}

#[tokio::test]
async fn a_network_with_more_events_than_a_page_has_each_once() {
    let node = TestNode::new().await;
    node.list_at_once();
    for age in 1..=10 {
        let network = if age % 2 == 0 {
            "203.0.113"
        } else {
            "198.51.100"
        };
        store_event(&node, age, &format!("{network}.{age}")).await;
    }
    let (mut sizes, mut found, mut before) = (Vec::new(), Vec::new(), None);
    loop {
        let page = page_of_network(&node, "203.0.113.0/24", before, 2).await;
        sizes.push(page.events.len());
        let addresses = page.events.iter().filter_map(|event| event.address);
        found.extend(addresses.map(|address| address.to_string()));
        before = page.next;
        if before.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [2, 2, 1]);
    let expected = [2, 4, 6, 8, 10].map(|age| format!("203.0.113.{age}"));
    assert_eq!(found, expected);
}

#[tokio::test]
async fn a_list_without_views_leads_on_past_them() {
    let node = TestNode::new().await;
    node.list_at_once();
    let address = "203.0.113.7";
    for (age, kind) in (1..=1_000).zip(AuditKind::VIEWS.iter().cycle()) {
        store_event_of(&node, age, (*kind, Outcome::Success), address).await;
    }
    store_event(&node, 1_001, address).await;
    let mut filter = AuditFilter {
        without_views: true,
        limit: 50,
        ..AuditFilter::default()
    };
    let (audit, operator) = (&node.doorward.audit, node.operator());
    let kinds = |page: &AuditPage| -> Vec<_> { page.events.iter().map(|one| one.event).collect() };
    let first = audit.list(&operator, &filter).await.unwrap();
    // The newest event is about the signing key of the new node.
    assert_eq!(kinds(&first), [AuditKind::KeyRotated]);
    filter.before = first.next;
    let second = audit.list(&operator, &filter).await.unwrap();
    assert_eq!(kinds(&second), [AuditKind::SignIn]);
    assert_eq!(second.next, None);
}

/// Scale: no index has the address.
#[tokio::test]
async fn a_page_that_finds_nothing_among_a_thousand_events_leads_on() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.advance(hours(1));
    for age in 1..=1_000 {
        store_event(&node, age, "198.51.100.1").await;
    }
    store_event(&node, 1_001, "203.0.113.7").await;
    let first = of_network(&node, "203.0.113.0/24", None).await;
    assert_eq!(first.events, []);
    let second = of_network(&node, "203.0.113.0/24", first.next).await;
    assert_eq!((second.events.len(), second.next), (1, None));
}

/// Scale: one index serves a page, and an event that another filter excludes is skipped.
#[tokio::test]
async fn a_page_of_failures_of_one_kind_reads_a_thousand_failures_and_leads_on() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.advance(hours(1));
    let (wanted, other) = (AuditKind::SignIn, AuditKind::PasswordChanged);
    let address = "203.0.113.7";
    for age in 1..=1_000 {
        store_event_of(&node, age, (other, Outcome::Failure), address).await;
    }
    store_event_of(&node, 1_001, (wanted, Outcome::Failure), address).await;
    let mut filter = AuditFilter {
        event: Some(wanted),
        outcome: Some(Outcome::Failure),
        limit: 50,
        ..AuditFilter::default()
    };
    let (audit, operator) = (&node.doorward.audit, node.operator());
    let first = audit.list(&operator, &filter).await.unwrap();
    assert_eq!(first.events, []);
    filter.before = first.next;
    let second = audit.list(&operator, &filter).await.unwrap();
    assert_eq!((second.events.len(), second.next), (1, None));
}

/// Few events are failures, so their index serves the page.
#[tokio::test]
async fn a_failure_is_on_the_first_page_after_a_thousand_successes_of_its_kind() {
    let node = TestNode::new().await;
    node.list_at_once();
    node.advance(hours(1));
    let address = "203.0.113.7";
    for age in 1..=1_000 {
        store_event(&node, age, address).await;
    }
    let failed = (AuditKind::SignIn, Outcome::Failure);
    store_event_of(&node, 1_001, failed, address).await;
    let filter = AuditFilter {
        event: Some(AuditKind::SignIn),
        outcome: Some(Outcome::Failure),
        limit: 50,
        ..AuditFilter::default()
    };
    let audit = &node.doorward.audit;
    let page = audit.list(&node.operator(), &filter).await.unwrap();
    assert_eq!((page.events.len(), page.next), (1, None));
}

/// Z-04: a download of a large log can outlast the session.
#[tokio::test]
async fn a_download_ends_when_its_admin_is_demoted_disabled_or_signed_out() {
    let node = TestNode::new().await;
    node.list_at_once();
    for name in ["root", "ada", "bea", "cleo"] {
        node.admin(name).await;
    }
    let (audit, operator) = (&node.doorward.audit, node.operator());
    let filter = AuditFilter {
        limit: 1,
        ..AuditFilter::default()
    };
    let next = async |ctx: &Ctx| audit.download_page(ctx, &filter).await.map(drop);
    for name in ["ada", "bea", "cleo"] {
        let session = node.sign_in(name).await;
        let ctx = node.of(&session);
        audit.start_download(&ctx).await.unwrap();
        next(&ctx).await.unwrap();
        let admin = &node.doorward.admin;
        match name {
            "ada" => {
                let demoted = admin.change_role(&operator, name, Role::User, None);
                demoted.await.unwrap();
            }
            "bea" => {
                admin.disable(&operator, name, None).await.unwrap();
            }
            _ => {
                let (sessions, id) = (&node.doorward.sessions, session.session.id.to_string());
                sessions.revoke(&operator, name, &id).await.unwrap();
            }
        }
        let refused = next(&ctx).await;
        assert_err!(refused, Error::InvalidToken | Error::Forbidden);
    }
    next(&operator).await.unwrap();
}

#[tokio::test]
async fn the_last_verification_is_recorded_with_what_was_found() {
    let node = TestNode::new().await;
    let operator = node.operator();
    node.active("ben").await;
    node.doorward.audit_chain.seal_all(&operator).await.unwrap();
    let verified = async || {
        node.doorward
            .audit
            .status(&operator)
            .await
            .unwrap()
            .verified
    };
    assert_eq!(verified().await, None);
    let (report, _) = node
        .doorward
        .audit_chain
        .verify(&operator, &[], &[])
        .await
        .unwrap();
    let intact = AuditVerification {
        at: node.now(),
        events: report.events.try_into().unwrap(),
        finding: None,
    };
    assert_eq!(verified().await, Some(intact));
    node.advance(hours(1));
    let removed = CheckpointId {
        position: 9_999,
        hash: "a".repeat(64),
    };
    let operator = node.operator();
    node.doorward
        .audit_chain
        .verify(&operator, &[], &[removed])
        .await
        .unwrap();
    let found = node
        .doorward
        .audit
        .status(&operator)
        .await
        .unwrap()
        .verified
        .unwrap();
    assert_eq!(found.at, node.now());
    assert_eq!(found.finding.as_deref(), Some("log-end-missing"));
    let ben = node.sign_in("ben").await;
    let refused = node.doorward.audit.status(&node.of(&ben)).await;
    assert_err!(refused, Error::Forbidden);
}
