//! Which of those who claim an address are mailed when somebody asks for the confirmation once more.
//!
//! Who asked cannot be told: it may be any of them, or a stranger. So each request mails the oldest claim,
//! the newest, and by chance one of those between: whoever signs up again and again with somebody else's
//! address crowds its owner out of nothing for long. The first of the three always goes; the further ones
//! take from a budget of the mailbox of their own, which no answer tells of, each once the one before
//! it was handed over.

use crate::accounts::Accounts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::confirm::MAX_CLAIMS;
use crate::flows::deliver_mail::{Letter, claim};
use crate::model::{MailJob, User};
use crate::values::{EmailAddress, UserId};

/// How many pieces of the claims are looked through for one between: some thousand.
const MOST_PIECES: usize = 50;

impl Accounts {
    /// The letters of one request, the one that goes in any case first.
    pub(crate) async fn claims_in_turn(
        &self,
        ctx: &Ctx,
        job: &MailJob,
    ) -> Result<Vec<Letter>, Error> {
        let (between, first) = draws(job.id.as_bytes());
        let mut chosen = self.some_claims(&job.email, between).await?;
        if !chosen.is_empty() {
            let first = first % chosen.len();
            chosen.rotate_left(first);
        }
        let letters = chosen.into_iter();
        let letters = letters.flat_map(|user| claim(user, &job.email, ctx.now, None));
        Ok(letters.collect())
    }

    async fn some_claims(&self, email: &EmailAddress, draw: usize) -> Result<Vec<User>, Error> {
        let store = &self.ports.store;
        let newest = store
            .list_users_by_pending_email(email.key(), MAX_CLAIMS)
            .await?;
        // More than one: the first may be one that cannot be read.
        let oldest = store.list_claims(email.key(), None, MAX_CLAIMS).await?;
        let (Some(newest), Some(oldest)) = (newest.into_iter().next(), oldest.into_iter().next())
        else {
            return Ok(Vec::new());
        };
        let between = self.claims_between(email, oldest.id, newest.id).await?;
        let mut chosen = Vec::new();
        if let Some(id) = between.get(draw % between.len().max(1)) {
            chosen.extend(store.find_user(*id).await?);
        }
        let is_alone = oldest.id == newest.id;
        chosen.push(newest);
        if !is_alone {
            chosen.push(oldest);
        }
        Ok(chosen)
    }

    async fn claims_between(
        &self,
        email: &EmailAddress,
        oldest: UserId,
        newest: UserId,
    ) -> Result<Vec<UserId>, Error> {
        let (mut ids, mut after) = (Vec::new(), oldest);
        for _ in 0..MOST_PIECES {
            let store = &self.ports.store;
            let piece = store
                .list_claims(email.key(), Some(after), MAX_CLAIMS)
                .await?;
            let Some(last) = piece.last() else { break };
            after = last.id;
            ids.extend(piece.iter().map(|user| user.id).filter(|id| *id < newest));
        }
        Ok(ids)
    }
}

/// Two draws that know nothing of each other, by chance and yet the same at each try of one mail: of the
/// last 48 bits of its id, all of which are random (RFC 9562, 5.7).
fn draws(id: &[u8; 16]) -> (usize, usize) {
    let [.., a, b, c, d, e, f] = *id;
    let of = |bytes: [u8; 3]| {
        bytes
            .iter()
            .fold(0, |all, byte| all << 8 | usize::from(*byte))
    };
    (of([a, b, c]), of([d, e, f]))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// whichever claim it is that lies between, each order of the three letters comes with it.
    #[test]
    fn which_claim_it_is_does_not_say_which_letter_is_first() {
        for claims in 1..=6 {
            let seen: std::collections::HashSet<_> = (0..=255)
                .flat_map(|c| (0..=255).map(move |f| (c, f)))
                .map(|(c, f)| {
                    let mut id = [0; 16];
                    (id[12], id[15]) = (c, f);
                    let (between, first) = draws(&id);
                    (between % claims, first % 3)
                })
                .collect();
            assert_eq!(seen.len(), claims * 3);
        }
    }
}
