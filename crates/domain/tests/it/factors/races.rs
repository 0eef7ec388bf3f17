//! A session that has proved the password only writes while the user finishes their first enrolment (M-02).

use doorward_domain::Error;
use doorward_domain::model::{Credential, CredentialKind};
use doorward_domain::sessions::SignedIn;
use doorward_domain::store::{Batch, Store, Write};

use super::*;

const TABLE: &str = "credentials";

/// Ben, who finishes his first enrolment at a moment that a test chooses, and a thief who knows his password.
struct Race {
    node: TestNode,
    bens: SignedIn,
    thiefs: SignedIn,
    /// Enrolments that began before Ben finished his.
    others: Vec<Enrolment>,
    /// The write that makes Ben's factor the first one.
    finished: Batch,
    set: Credential,
}

/// The stored set.
fn set(node: &TestNode) -> Option<Credential> {
    let mut all: Vec<Credential> = node.store.all();
    all.retain(|one| one.kind == CredentialKind::FactorSet);
    all.pop()
}

impl Race {
    async fn new() -> Self {
        let node = TestNode::new().await;
        node.active("ben").await;
        let (bens, thiefs) = (node.sign_in("ben").await, node.sign_in("ben").await);
        let begun = begin(&node, &bens).await.unwrap();
        let others = vec![begin(&node, &thiefs).await.unwrap()];
        let unfinished: Vec<Credential> = node.store.all();
        finish(&node, &bens, &begun).await.unwrap();
        let set = set(&node).unwrap();
        // As before the enrolment was finished.
        let mut back: Batch = unfinished.iter().map(Write::put).collect();
        back.push(Write::delete::<Credential>(set.id));
        node.store.apply(back).await.unwrap();
        Self {
            finished: vec![Write::insert(&set)],
            node,
            bens,
            thiefs,
            others,
            set,
        }
    }

    /// Ben's enrolment is finished after the thief's proof was checked, before the set is read for the write.
    fn finish_after_proof(&self) {
        let finished = self.finished.clone();
        self.node.spy.interleave_read(TABLE, 1, finished);
    }

    /// Ben's enrolment is finished right before the thief's write.
    fn finish_before_write(&self) {
        self.node.spy.interleave(self.finished.clone());
    }

    /// Ben's set has his factor and his recovery codes only.
    fn assert_set_is_bens(&self) {
        let stored = set(&self.node).unwrap();
        assert_eq!(stored.data.expose(), self.set.data.expose());
    }
}

#[tokio::test]
async fn the_password_alone_renews_no_recovery_codes_of_a_factor_added_concurrently() {
    let race = Race::new().await;
    race.finish_after_proof();
    let ctx = race.node.of(&race.thiefs);
    let renewed = race
        .node
        .doorward
        .factor_enrolment
        .renew_recovery_codes(&ctx, "me");
    assert_err!(renewed.await, Error::ReauthenticationRequired);
    race.assert_set_is_bens();
}

#[tokio::test]
async fn the_password_alone_begins_no_enrolment_beside_a_factor_added_concurrently() {
    let race = Race::new().await;
    race.finish_after_proof();
    let begun = begin(&race.node, &race.thiefs).await;
    assert_err!(begun, Error::ReauthenticationRequired);
}

/// An enrolment that began before the factor was added is the first one, also if it was written after that.
#[tokio::test]
async fn an_enrolment_written_beside_a_factor_added_concurrently_is_never_finished() {
    let race = Race::new().await;
    race.finish_before_write();
    let begun = begin(&race.node, &race.thiefs).await.unwrap();
    for session in [&race.thiefs, &race.bens] {
        let finished = finish(&race.node, session, &begun).await;
        assert_err!(finished, Error::ReauthenticationRequired);
    }
    race.assert_set_is_bens();
}

#[tokio::test]
async fn a_first_enrolment_is_not_finished_beside_a_factor_added_concurrently() {
    let race = Race::new().await;
    race.finish_before_write();
    let finished = finish(&race.node, &race.thiefs, &race.others[0]).await;
    assert_err!(finished, Error::ReauthenticationRequired);
    race.assert_set_is_bens();
}

#[tokio::test]
async fn the_password_alone_removes_no_factor_added_concurrently() {
    let mut race = Race::new().await;
    let mut all: Vec<Credential> = race.node.store.all();
    all.retain(|one| race.set.data.expose().contains(&one.id.to_string()));
    let bens = all.pop().unwrap();
    let id = bens.id.to_string();
    for after in [1, 2] {
        // With the second one, the set is read before and the authenticator after the enrolment is finished.
        let active = bens
            .data
            .expose()
            .replace(r#""is_active":false"#, r#""is_active":true"#);
        let active = Credential {
            data: Secret::new(active),
            ..bens.clone()
        };
        race.finished.push(Write::put(&active));
        race.node
            .spy
            .interleave_read(TABLE, after, race.finished.clone());
        let ctx = race.node.of(&race.thiefs);
        let removed = race
            .node
            .doorward
            .factor_removal
            .remove(&ctx, "me", &id)
            .await;
        assert_err!(removed, Error::ReauthenticationRequired);
        race.assert_set_is_bens();
        let restored = vec![Write::delete::<Credential>(race.set.id), Write::put(&bens)];
        race.node.store.apply(restored).await.unwrap();
    }
}

#[tokio::test]
async fn the_password_alone_removes_no_enrolment_beside_a_factor_added_concurrently() {
    let race = Race::new().await;
    race.finish_after_proof();
    let (ctx, id) = (
        race.node.of(&race.thiefs),
        race.others[0].factor.id.to_string(),
    );
    let removed = race
        .node
        .doorward
        .factor_removal
        .remove(&ctx, "me", &id)
        .await;
    assert_err!(removed, Error::ReauthenticationRequired);
}
