//! Any sequence of calls, in any order, against a model of what must hold (T-MODEL).
//!
//! The model is a page of rules written down a second time, and knows nothing of the code: who exists
//! with which password, which address is whose, which session is open, which link is good. Whatever the
//! server grants, the model must allow; what must be granted, is. After every act each token ever seen
//! is shown once more. To add an act: a variant in `acts.rs`, what it needs and does in `play.rs`.

mod acts;
mod play;
mod state;

use proptest::prelude::*;

use self::play::Play;

/// Nothing to set up a runtime for, but the server is asynchronous.
fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// T-MODEL: a password changes only by the one before it or by a good recovery link, a session opens
    /// only to the right password of an active account, an address is an account's only by its link
    /// (P-12, R-05, R-06, R-08, R-09, S-03, S-06).
    #[test]
    fn whatever_is_asked_in_whatever_order_the_model_allows_what_is_granted(
        acts in prop::collection::vec(acts::act(), 20..80)
    ) {
        block_on(async move {
            let mut play = Play::begin().await;
            for act in &acts {
                play.act(act).await;
            }
        });
    }
}
