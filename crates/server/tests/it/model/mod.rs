//! Any sequence of calls, in any order, against a model of the rules (T-MODEL).
//!
//! The model is a second, independent implementation of the rules: which users exist with which password, which
//! address belongs to which user, which sessions and links are valid. Everything that the server grants, the model must
//! allow, and the reverse. After every action, each token ever seen is checked again. To add an action: a variant
//! in `actions.rs`, its preconditions and effects in `run.rs`.

mod actions;
mod run;
mod state;

use proptest::prelude::*;

use self::run::ModelRun;

/// No runtime is needed except for the server's async functions.
fn block_on(future: impl Future<Output = ()>) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    runtime.unwrap().block_on(future);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, max_shrink_iters: 200, ..ProptestConfig::default() })]

    /// T-MODEL: a password changes only with the previous one or a valid recovery link, a session opens only with
    /// the right password of an active account, and an address belongs to an account only by its link (P-12, R-05,
    /// S-03, S-06).
    #[test]
    fn the_server_agrees_with_the_model_for_random_sequences_of_actions(
        actions in prop::collection::vec(actions::action(), 20..80)
    ) {
        block_on(async move {
            let mut play = ModelRun::begin().await;
            for action in &actions {
                play.action(action).await;
            }
        });
    }
}
