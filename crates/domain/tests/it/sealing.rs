//! Sealing the audit log after a change of the master key. What a store must do is in the contract
//! (`crates/testkit/tests/it/audit_chain.rs`).

use crate::test_node::*;

/// L-01: the change is a separate event, written once and sealed. The status of the log shows when it was found, for 30 days.
#[tokio::test]
async fn another_master_key_is_reported_in_the_log() {
    let node = TestNode::new().await;
    node.list_at_once();
    let other = node.cold_node(9, &[8; 32]);
    let seal = async |other_node: &TestNode| {
        node.advance(seconds(6));
        other_node
            .doorward
            .audit_chain
            .seal(&other_node.worker())
            .await
            .unwrap()
    };
    node.active("ben").await;
    assert!(seal(&node).await.events > 0);
    node.sign_in("ben").await;
    other.audited();
    let sealed = seal(&other).await;
    let position = sealed.broken_seal.unwrap();
    assert_eq!(
        other.audited(),
        [format!("seal-broken!checkpoint {position}")]
    );
    let status = async || node.doorward.audit.status(&node.operator()).await.unwrap();
    assert_eq!(status().await.broken_at, Some(node.now()));
    assert_eq!(seal(&other).await.events, 1);
    assert_eq!(other.audited(), [""; 0]);
    assert_eq!(
        other.doorward.audit_chain.unsealed().await.unwrap().count,
        0
    );
    node.advance(hours(30 * 24) + seconds(1));
    assert_eq!(status().await.broken_at, None);
}
