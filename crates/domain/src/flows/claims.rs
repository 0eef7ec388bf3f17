//! Which of those who claim an address are mailed when somebody asks for the confirmation once more.
//!
//! Who asked cannot be told: it may be any of them, or a stranger. So each request mails the oldest claim,
//! the newest, and by chance one of those between: whoever signs up again and again with somebody else's
//! address crowds its owner out of nothing for long. The first of the three always goes; the further ones
//! take from a budget of the mailbox of their own, which no answer tells of. Each is a mail of its own
//! from then on, charged for once. A change of address that has ended takes no place among them.

use futures_util::future::join_all;
use jiff::Timestamp;

use crate::accounts::Accounts;
use crate::changes::{ApplyError, Change};
use crate::ctx::Ctx;
use crate::error::Error;
use crate::flows::change_email::ended_since;
use crate::flows::confirm::MAX_CLAIMS;
use crate::flows::deliver_mail::{Delivered, LEASE, Letter, claim};
use crate::model::{MailJob, User};
use crate::values::{EmailAddress, MailJobId, UserId};

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
        let mut chosen = self
            .some_claims(&job.email, ended_since(ctx.now), between)
            .await?;
        if !chosen.is_empty() {
            let first = first % chosen.len();
            chosen.rotate_left(first);
        }
        let letters = chosen.into_iter();
        let letters = letters.flat_map(|user| claim(user, &job.email, ctx.now, None));
        Ok(letters.collect())
    }

    /// Makes each letter of a request a mail of its own, which reads its user anew and is tried again by itself:
    /// whoever writes their own account while the letters are made, or whose letter a mail server puts off, has
    /// nobody mailed twice and nobody left out. Each is charged for once, however often it is tried.
    pub(super) async fn deliver_each(
        &self,
        ctx: &Ctx,
        job: &MailJob,
        letters: &[Letter],
    ) -> Result<Delivered, Error> {
        let mut jobs = Vec::new();
        for letter in letters {
            let is_first = jobs.is_empty();
            if !is_first && self.policy.throttle && self.has_letters_enough(&job.email).await? {
                break;
            }
            jobs.push(MailJob {
                id: MailJobId::generate(ctx.now, &*self.ports.secrets),
                user_id: Some(letter.user.id),
                attempts: 1,
                // This worker's already, under a lease.
                due_at: self.now() + LEASE,
                ..job.clone()
            });
        }
        let mut changes = vec![Change::KeepMail(job.id), Change::MailDone(job.id)];
        changes.extend(jobs.iter().cloned().map(Change::EnqueueMail));
        match self.apply(changes).await {
            Ok(()) => {}
            // Called off since it was claimed.
            Err(ApplyError::Stale) => return self.drop_mail(job).await,
            Err(other) => return Err(other.into()),
        }
        let turns = jobs.iter().map(|job| async move {
            match self.resolve_mail(ctx, job).await?.first() {
                Some(letter) => self.deliver_letter(ctx, job, letter).await,
                None => self.drop_mail(job).await,
            }
        });
        let mut done = Delivered::default();
        for turn in join_all(turns).await {
            done.add(turn?);
        }
        Ok(done)
    }

    async fn some_claims(
        &self,
        email: &EmailAddress,
        since: Timestamp,
        draw: usize,
    ) -> Result<Vec<User>, Error> {
        let store = &self.ports.store;
        let newest = store
            .list_users_by_pending_email(email.key(), since, MAX_CLAIMS)
            .await?;
        // More than one: the first may be one that cannot be read.
        let oldest = store.list_claims(email.key(), since, None, MAX_CLAIMS);
        let oldest = oldest.await?;
        let (Some(newest), Some(oldest)) = (newest.into_iter().next(), oldest.into_iter().next())
        else {
            return Ok(Vec::new());
        };
        let ends = (oldest.id, newest.id);
        let between = self.claims_between(email, since, ends).await?;
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
        since: Timestamp,
        (oldest, newest): (UserId, UserId),
    ) -> Result<Vec<UserId>, Error> {
        let (mut ids, mut after) = (Vec::new(), oldest);
        for _ in 0..MOST_PIECES {
            let store = &self.ports.store;
            let piece = store
                .list_claims(email.key(), since, Some(after), MAX_CLAIMS)
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
