//! Erases from the log the addresses of those whose accounts are gone (L-05).
//!
//! What is rubbed out is signed for, so whatever says that it is to be is believed where a seal holds it
//! that our key has signed, or one to which the chain leads.

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};

use super::super::{digest, mail_in};
use super::{Sealer, is_as_sealed};
use crate::changes::{ApplyError, Change};
use crate::model::{AuditRecord, Erasure, Event, Leaf, Seal};
use crate::ports::StoreError;
use crate::values::{AuditEventId, Digest, UserId};

/// How long an account is gone before its addresses are erased: by then, all about it is sealed.
const ERASED_AFTER: SignedDuration = SignedDuration::from_mins(5);
/// How many events are erased at a time, and how many accounts looked at.
const PIECE: usize = 200;
/// After so many that failed the store is asked for something else: where it is away, the turn ends.
const FAILURES: usize = 5;
/// Of the seals on a walk each so-manieth is remembered: what lies between is soon walked again.
const MILESTONE: i64 = 256;

impl Sealer<'_> {
    /// Erases addresses and user agents of those whose accounts are gone, a piece at a time; one who cannot be
    /// erased keeps no other from it. Answers how many accounts are done.
    pub async fn erase(&self) -> Result<usize, ApplyError> {
        let log = self.store.audit_log();
        let oldest = log
            .list_unsealed(None, AuditEventId::first_at(self.now), 1)
            .await?;
        // What waits for its seal may be about them.
        let before = oldest.first().map_or(self.now, |record| record.at);
        let before = before.checked_sub(ERASED_AFTER).unwrap_or(Timestamp::MIN);
        let open = log.list_open_erasures(PIECE).await?;
        let mut erasing = Erasing {
            sealer: self,
            pinned: HashMap::new(),
        };
        let (mut done, mut failed) = (0, Vec::new());
        for erasure in open.iter().filter(|open| open.ordered_at < before) {
            match erasing.erase(erasure).await {
                Ok(erased) => done += usize::from(erased),
                Err(error) => {
                    failed.push(error);
                    if failed.len().is_multiple_of(FAILURES) && log.last_seal().await.is_err() {
                        break;
                    }
                }
            }
        }
        failed.into_iter().next().map_or(Ok(done), Err)
    }
}

/// A turn of it.
struct Erasing<'a> {
    sealer: &'a Sealer<'a>,
    /// Of some seals, by their digest, whether our key stands behind them: after a change of the master key
    /// the walk to it may be a year long, and each line would take it.
    pinned: HashMap<Digest, bool>,
}

impl Erasing<'_> {
    /// Whether something of theirs is erased.
    async fn erase(&mut self, erasure: &Erasure) -> Result<bool, ApplyError> {
        let user_id = erasure.user_id;
        // Whoever writes a line by hand has us order what is not so.
        if self.sealer.store.find_user(user_id).await?.is_some() {
            tracing::error!(
                user = %user_id,
                "the audit log tells of a deletion of somebody who is there: nothing of theirs is erased"
            );
            // Or it would stand before all others for good; another deletion orders it anew.
            self.done(user_id, erasure.ordered_at).await?;
            return Ok(false);
        }
        self.erase_asked(erasure).await?;
        self.erase_lines(user_id, erasure.ordered_at).await?;
        Ok(true)
    }

    /// Erases from where nobody known asked for mails that went to them.
    async fn erase_asked(&mut self, erasure: &Erasure) -> Result<(), ApplyError> {
        let (event, mut after) = (Event::RecoveryMailed, None);
        loop {
            let log = self.sealer.store.audit_log();
            let about = log.list_sealed_about(erasure.user_id, event, after, PIECE);
            let about = about.await?;
            let Some(last) = about.last() else {
                return Ok(());
            };
            after = Some(last.id);
            for record in &about {
                let Some(mail) = mail_in(record) else {
                    continue;
                };
                if self.is_held(record).await? {
                    let order = self.sealer.signer.erasure(mail, erasure.ordered_at);
                    let order = vec![Change::OrderErasure(order)];
                    self.sealer.store.apply(order).await?;
                    self.erase_lines(mail, erasure.ordered_at).await?;
                }
            }
        }
    }

    /// Whether a line is as it was sealed: who puts one there by hand does not have us rub out, and sign it,
    /// from where another's mail was asked for.
    async fn is_held(&mut self, record: &AuditRecord) -> Result<bool, StoreError> {
        let Some(position) = record.seal else {
            return Ok(false);
        };
        let leaf = Leaf {
            id: record.id,
            digest: digest::of_event(record),
        };
        let log = self.sealer.store.audit_log();
        let seal = log.list_seals(position.saturating_sub(1), 1).await?.pop();
        let holds = |seal: &Seal| {
            let leaves = seal.leaves.as_ref();
            seal.position == position
                && is_as_sealed(seal)
                && leaves.is_some_and(|all| all.contains(&leaf))
        };
        match seal.filter(holds) {
            Some(seal) => self.is_pinned(seal).await,
            None => Ok(false),
        }
    }

    /// Whether our key has signed the seal, or one to which the chain leads from it: one from before a change
    /// of the master key is as it was then.
    async fn is_pinned(&mut self, first: Seal) -> Result<bool, StoreError> {
        let mut milestones = vec![first.digest];
        let is_pinned = self.walk(first, &mut milestones).await?;
        let known = milestones.into_iter().map(|digest| (digest, is_pinned));
        self.pinned.extend(known);
        Ok(is_pinned)
    }

    async fn walk(&self, first: Seal, milestones: &mut Vec<Digest>) -> Result<bool, StoreError> {
        let mut last = first;
        loop {
            if let Some(is_pinned) = self.is_known(&last) {
                return Ok(is_pinned);
            }
            // Many at a time: a year of another key's may lie between.
            let log = self.sealer.store.audit_log();
            let piece = log.list_seals(last.position, PIECE).await?;
            if piece.is_empty() {
                return Ok(false);
            }
            for next in piece {
                if next.previous != last.digest || digest::of_seal(&next) != next.digest {
                    return Ok(false);
                }
                if let Some(is_pinned) = self.is_known(&next) {
                    return Ok(is_pinned);
                }
                if next.position % MILESTONE == 0 {
                    milestones.push(next.digest);
                }
                last = next;
            }
        }
    }

    /// By its own signature, or by a walk of before.
    fn is_known(&self, seal: &Seal) -> Option<bool> {
        let key = self.sealer.signer.public_key();
        let is_ours = key.signed_seal(&seal.digest, &seal.signature);
        let known = || self.pinned.get(&seal.digest).copied();
        is_ours.then_some(true).or_else(known)
    }

    async fn erase_lines(&self, user_id: UserId, ordered_at: Timestamp) -> Result<(), ApplyError> {
        let store = self.sealer.store;
        loop {
            let ids = store.audit_log().list_personal(user_id, PIECE).await?;
            if ids.is_empty() {
                return self.done(user_id, ordered_at).await;
            }
            store.apply(vec![Change::ErasePersonal(ids)]).await?;
        }
    }

    /// The order that was looked at; one that was made anew meanwhile stays open.
    async fn done(&self, user_id: UserId, ordered_at: Timestamp) -> Result<(), ApplyError> {
        let done = Change::ErasureDone {
            user_id,
            ordered_at,
            at: self.sealer.now,
        };
        self.sealer.store.apply(vec![done]).await
    }
}
