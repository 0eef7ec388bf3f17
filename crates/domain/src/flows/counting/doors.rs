//! What somebody may do at a door, and which mails a mailbox is sent.
//!
//! Whoever is no stranger takes from what their account has, all others from what their address, its
//! network and everybody has. To add a door: `throttle::limits::Door`.

use std::time::Duration;

use crate::accounts::Accounts;
use crate::ctx::{Actor, Ctx};
use crate::error::Error;
use crate::ports::{Budget, Charge};
use crate::throttle::{Door, Rate, address_key, network_key};
/// How many tries a network has at a door where the budget of all strangers together is used up.
const FIRST_TRIES: Rate = Rate {
    burst: 3,
    window: Duration::from_secs(3600),
};

impl Accounts {
    /// Takes one from the budgets of a door, for whoever stands there.
    pub async fn admit(&self, ctx: &Ctx, door: Door) -> Result<(), Error> {
        if !self.policy.throttle {
            return Ok(());
        }
        let own = own_key(ctx, door).map(|key| self.of_known(ctx, door, key));
        if own.is_none() {
            ctx.client.ledger.pass(door);
        }
        if let Some(charges) = own {
            return self.take(ctx, &charges, None).await;
        }
        let mut charges = self.of_strangers(ctx, door);
        if charges.is_empty() {
            return Ok(());
        }
        match self.try_take(&charges, ctx.now).await? {
            Ok(answers) => {
                Self::tell_first(ctx, &charges, &answers);
                return Ok(());
            }
            // A flood from elsewhere shuts nobody out who comes new: a quiet network has a few tries of
            // its own, whatever all others do.
            Err((refused, _)) if charges.get(2) == Some(&refused) => {
                charges.truncate(2);
                charges.extend(self.first_tries(ctx, door));
            }
            Err((refused, wait)) => return Err(self.refuse(ctx, &refused, wait, None).await),
        }
        self.take(ctx, &charges, None).await
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

    /// The budgets of whoever is known, at a door. A mail to anybody's mailbox, and a link, are not about
    /// the account that makes them known, so that with many accounts they stay in what their network has.
    fn of_known(&self, ctx: &Ctx, door: Door, key: String) -> Vec<Charge> {
        let [own, network, _] = self.policy.limits.budgets(door);
        let mut charges = vec![Charge::budget(own, key)];
        if let (Door::MailRequest | Door::Link, Some(address)) = (door, ctx.client.address) {
            charges.push(Charge::budget(network, network_key(address)));
        }
        charges
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

/// The key of whoever is no stranger at a door: their account, since anybody makes sessions and cookies
/// of their own as they like. Signing up is for strangers.
fn own_key(ctx: &Ctx, door: Door) -> Option<String> {
    let user_id = match (door, &ctx.actor) {
        (Door::SignUp, _) => None,
        (_, Actor::User { id, .. }) => Some(*id),
        (Door::Token, _) => None,
        _ => ctx.client.known.first().map(|known| known.user_id),
    };
    user_id.map(|id| format!("user/{id}"))
}
