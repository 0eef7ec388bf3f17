//! Sealing the audit log after a change of the master key. What a store must do is in the contract
//! (`doorward_testkit::contract::audit_chain`).

use crate::world::*;

/// L-01: the change is a separate event, written once and sealed.
#[tokio::test]
async fn another_master_key_is_reported_in_the_log() {
    let world = World::new().await;
    let other = world.cold_node(9, &[8; 32]);
    let seal = async |node: &World| {
        world.advance(seconds(6));
        node.doorward
            .audit
            .seal_audit(&node.worker())
            .await
            .unwrap()
    };
    world.active("ben").await;
    assert!(seal(&world).await.events > 0);
    world.sign_in("ben").await;
    other.audited();
    let sealed = seal(&other).await;
    let position = sealed.broken.unwrap();
    assert_eq!(
        other.audited(),
        [format!("seal-broken!checkpoint {position}")]
    );
    assert_eq!(seal(&other).await.events, 1);
    assert_eq!(other.audited(), [""; 0]);
    assert_eq!(
        other.doorward.audit.unsealed_audit().await.unwrap().count,
        0
    );
}
