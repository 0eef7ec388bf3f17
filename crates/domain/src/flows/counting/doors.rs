//! What somebody may do at a door.
//!
//! Whoever is no stranger takes from what their account has, all others from what their address, its
//! network and everybody has. To add a door: `throttle::limits::Door`.

use std::time::Duration;

use super::Refused;
use crate::accounts::Accounts;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::ports::{Allowance, Budget, Charge};
use crate::throttle::{Door, Rate, address_key, network_key};

/// How many tries a network has at a door where the budget of all strangers together is used up, and an
/// account that is known, whatever is used up around it.
const FIRST_TRIES: Rate = Rate {
    burst: 3,
    window: Duration::from_secs(3600),
};

/// Somebody who is no stranger at a door.
struct Known {
    /// What they have is counted under.
    key: String,
    /// And the few tries of their account that nothing around it uses up. What does not tell its epoch may
    /// be of before a recovery, and has none.
    first: Option<String>,
}

impl Accounts {
    /// Takes one from the budgets of a door, for whoever stands there.
    pub async fn admit(&self, ctx: &Ctx, door: Door) -> Result<(), Error> {
        if !self.policy.throttle {
            return Ok(());
        }
        if let Some(known) = own_key(ctx, door) {
            for charges in self.of_known(ctx, door, known) {
                match self.try_take(&charges, ctx.now).await? {
                    Ok(answers) => {
                        Self::tell_first(ctx, &charges, &answers);
                        return Ok(());
                    }
                    Err((refused, wait)) if ctx.client.address.is_none() => {
                        return Err(self.refuse(ctx, &refused, wait, None).await);
                    }
                    // Whoever is known is no worse off than a stranger, though others who show the same
                    // have used it up.
                    Err(_) => {}
                }
            }
        }
        ctx.client.ledger.pass(door);
        match self.try_as_stranger(ctx, door, &[]).await? {
            Ok(answers) => {
                Self::tell_first(ctx, &self.of_strangers(ctx, door), &answers);
                Ok(())
            }
            Err((refused, wait)) => Err(self.refuse(ctx, &refused, wait, None).await),
        }
    }

    /// Takes from the budgets of a stranger at a door, and before them from `others`, in one question. A
    /// flood from elsewhere shuts nobody out who comes new: where all strangers together have nothing
    /// left, a quiet network has a few tries of its own.
    pub(super) async fn try_as_stranger(
        &self,
        ctx: &Ctx,
        door: Door,
        others: &[Charge],
    ) -> Result<Result<Vec<Allowance>, Refused>, Error> {
        let strangers = self.of_strangers(ctx, door);
        let mut charges = [others, &strangers].concat();
        if charges.is_empty() {
            return Ok(Ok(Vec::new()));
        }
        match self.try_take(&charges, ctx.now).await? {
            Err((refused, _)) if strangers.get(2) == Some(&refused) => {
                charges.pop();
                charges.extend(self.first_tries(ctx, door));
                self.try_take(&charges, ctx.now).await
            }
            answered => Ok(answered),
        }
    }

    /// What a network has beside the ceiling.
    fn first_tries(&self, ctx: &Ctx, door: Door) -> Option<Charge> {
        let [_, _, everybody] = self.policy.limits.budgets(door);
        let first = Budget {
            burst: FIRST_TRIES.burst,
            window: FIRST_TRIES.window.max(everybody.window),
            ..everybody
        };
        Some(Charge::budget(first, network_key(ctx.client.address?)))
    }

    /// The budgets of whoever is known, at a door, tried one after the other. First an account has a few to
    /// itself, so that no neighbour keeps its owner out; then it shares with its network. A mail to
    /// anybody's mailbox, and a link, are not about the account that makes them known, so that with many
    /// accounts they stay in what their network has: whose mailbox it is, is asked once more where that is
    /// known. Of sign-ins a network's known devices have as many as its strangers, and beside those: many
    /// accounts of one's own are not many budgets.
    fn of_known(&self, ctx: &Ctx, door: Door, known: Known) -> Vec<Vec<Charge>> {
        let [own, network, _] = self.policy.limits.budgets(door);
        let own = Charge::budget(own, known.key);
        let around = ctx.client.address.map(network_key);
        let shared = match (door, around) {
            (Door::MailRequest | Door::Link, Some(around)) => around,
            (Door::SignIn, Some(around)) => format!("known/{around}"),
            _ => return vec![vec![own]],
        };
        let first = known.first.map(|key| {
            let first = FIRST_TRIES.named(network.name);
            vec![own.clone(), Charge::budget(first, key)]
        });
        let shared = vec![own, Charge::budget(network, shared)];
        first.into_iter().chain([shared]).collect()
    }

    /// The budgets of a stranger at a door.
    pub(super) fn of_strangers(&self, ctx: &Ctx, door: Door) -> Vec<Charge> {
        let Some(address) = ctx.client.address else {
            return Vec::new();
        };
        let [own, network, everybody] = self.policy.limits.budgets(door);
        vec![
            Charge::budget(own, address_key(address)),
            Charge::budget(network, network_key(address)),
            Charge::budget(everybody, String::new()),
        ]
    }
}

/// The key of whoever is no stranger at a door: their account in its present epoch, since anybody makes
/// sessions and cookies of their own as they like, and whoever kept one of before a recovery takes nothing
/// from its owner. A token does not tell its epoch, so that its sign-in has a budget to itself. Signing up is
/// for strangers.
fn own_key(ctx: &Ctx, door: Door) -> Option<Known> {
    let shown = &ctx.client.known;
    let known = match (door, &ctx.actor) {
        (Door::SignUp, _) => None,
        (_, Actor::User { id, .. }) => match shown.iter().find(|known| known.user_id == *id) {
            Some(own) => Some(own),
            None => {
                let (key, first) = (format!("user/{id}"), None);
                return Some(Known { key, first });
            }
        },
        (Door::Token, _) => None,
        _ => shown.first(),
    }?;
    let key = known.door_key();
    let first = match known.issued_at() {
        None => Some(format!("known/{key}")),
        Some(_) => None,
    };
    Some(Known { key, first })
}
