//! Nodes: which servers run, or ran within the last hour.

use doorward_domain::model::Node;
use jiff::SignedDuration;

use crate::test_node::*;

/// A server that starts now.
fn started(node: &TestNode, name: &str) -> Node {
    Node {
        name: name.to_owned(),
        version: "0.1.0".to_owned(),
        started_at: node.now(),
        seen_at: node.now(),
    }
}

async fn listed(node: &TestNode) -> Vec<Node> {
    node.doorward.nodes.list(&node.operator()).await.unwrap()
}

async fn names(node: &TestNode) -> Vec<String> {
    let nodes = listed(node).await.into_iter();
    nodes.map(|node| node.name).collect()
}

#[tokio::test]
async fn a_node_is_listed_from_its_first_report_until_it_stops() {
    let node = TestNode::new().await;
    node.list_at_once();
    let nodes = &node.doorward.nodes;
    let (two, one) = (started(&node, "two"), started(&node, "one"));
    for started in [&two, &one] {
        nodes.report(started).await.unwrap();
    }
    assert_eq!(listed(&node).await, [one.clone(), two.clone()]);
    node.advance(minutes(1));
    nodes.report(&one).await.unwrap();
    let seen_again = Node {
        seen_at: node.now(),
        ..one.clone()
    };
    assert_eq!(listed(&node).await, [seen_again, two]);
    nodes.remove(&one).await.unwrap();
    assert_eq!(names(&node).await, ["two"]);
}

#[tokio::test]
async fn two_processes_on_one_machine_are_two_nodes() {
    let node = TestNode::new().await;
    node.list_at_once();
    let first = started(&node, "one");
    node.doorward.nodes.report(&first).await.unwrap();
    node.advance(MICROSECOND);
    let second = started(&node, "one");
    node.doorward.nodes.report(&second).await.unwrap();
    node.doorward.nodes.remove(&first).await.unwrap();
    assert_eq!(listed(&node).await, [second]);
}

#[tokio::test]
async fn a_node_that_was_killed_is_listed_for_an_hour_and_overdue_after_three_minutes() {
    let node = TestNode::new().await;
    node.list_at_once();
    let killed = started(&node, "one");
    node.doorward.nodes.report(&killed).await.unwrap();
    node.advance(minutes(3) - MICROSECOND);
    assert!(!listed(&node).await[0].is_overdue(node.now()));
    node.advance(MICROSECOND);
    assert!(listed(&node).await[0].is_overdue(node.now()));
    node.advance(minutes(57) - MICROSECOND);
    assert_eq!(names(&node).await, ["one"]);
    node.advance(MICROSECOND);
    assert!(names(&node).await.is_empty());
    // The sweep deletes it, like other expired records.
    node.advance(SignedDuration::from_hours(7 * 24) + MICROSECOND);
    let worker = node.worker();
    node.doorward.housekeeping.sweep(&worker).await.unwrap();
    node.advance(SignedDuration::from_hours(-8 * 24));
    assert!(names(&node).await.is_empty());
}
