//! The codes that a recovery by mail grants.
//!
//! Someone who knows the password can use up the count of wrong codes, and a recovery makes every device unknown. So the
//! new password comes with five codes that are counted for this recovery alone. Someone who reads the user's mail must not
//! guess codes this way: there are at most three grants in 24 hours, and ten until a code is correct.
//!
//! A grant is a row of the table of links, like a challenge. It exists while the password is the one that the recovery has
//! set.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use super::attempts::CodeAttempts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::limits::{FAILURE_MEMORY_MAX, KeyedLimit, RateLimiter};
use crate::model::{FactorSet, Link, User};
use crate::store::{BadRow, ReadStore, Record, Records, Row, RowReader, Table, Value, Write};
use crate::values::{Digest, UserId};

/// The purpose in the table of links.
const PURPOSE: &str = "recovery-grant";

/// The grant of a recovery.
pub(crate) struct RecoveryGrant {
    user_id: UserId,
    /// Identifies the recovery, in the key of its count.
    recovery: String,
    created_at: Timestamp,
    expires_at: Timestamp,
    /// The limits that it was counted under; empty if it was read.
    limits: Vec<KeyedLimit>,
}

impl RecoveryGrant {
    /// The write with the new password of a recovery: its grant, or none.
    pub(crate) fn write(user_id: UserId, grant: Option<&Self>) -> Write {
        match grant {
            Some(grant) => Write::put(grant),
            None => Write::delete::<Self>(key(user_id)),
        }
    }
}

/// A user has one. The digest is not that of a token, which has another length.
fn digest(user_id: UserId) -> Digest {
    Digest::of(&[PURPOSE.as_bytes(), user_id.as_bytes().as_slice()].concat())
}

fn key(user_id: UserId) -> Value {
    digest(user_id).prefix().as_slice().into()
}

impl Record for RecoveryGrant {
    const TABLE: &'static Table = Link::TABLE;

    fn to_row(&self) -> Row {
        Self::row([
            ("id", key(self.user_id)),
            ("digest", (&digest(self.user_id)).into()),
            ("user_id", self.user_id.into()),
            ("purpose", PURPOSE.into()),
            ("data", self.recovery.as_str().into()),
            ("created_at", self.created_at.into()),
            ("expires_at", self.expires_at.into()),
            ("used_at", Value::Null),
        ])
    }

    fn from_row(row: &RowReader<'_>) -> Result<Self, BadRow> {
        Ok(Self {
            user_id: UserId::from_bytes(row.array("user_id")?),
            recovery: row.text("data")?,
            created_at: row.time("created_at")?,
            expires_at: row.time("expires_at")?,
            limits: Vec::new(),
        })
    }
}

/// Grants codes to recoveries.
pub(crate) struct RecoveryGrants {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) code_attempts: Arc<CodeAttempts>,
    pub(crate) rate_limiter: Arc<RateLimiter>,
}

impl RecoveryGrants {
    /// Counts a grant for a recovery by this link. Returns `None` if the user has no second factor or has used up the
    /// grants, or if throttling is off.
    pub(crate) async fn grant_codes(
        &self,
        ctx: &Ctx,
        user: &User,
        link: &Link,
    ) -> Result<Option<RecoveryGrant>, Error> {
        let set = FactorSet::of_user(&*self.store, user.id).await?;
        if set.is_empty() {
            return Ok(None);
        }
        let Some(limits) = self.code_attempts.acquire_grant(ctx, (user, &set)).await? else {
            return Ok(None);
        };
        // Wrong codes are not remembered for longer, so that the grant is not needed then.
        let lifetime = SignedDuration::try_from(FAILURE_MEMORY_MAX).unwrap_or_default();
        Ok(Some(RecoveryGrant {
            user_id: user.id,
            recovery: URL_SAFE_NO_PAD.encode(link.digest.prefix()),
            created_at: ctx.now,
            expires_at: ctx.now + lifetime,
            limits,
        }))
    }

    /// Releases the count of a grant that was not written.
    pub(crate) async fn release(&self, ctx: &Ctx, grant: &RecoveryGrant) {
        self.rate_limiter.release(ctx, &grant.limits).await;
    }

    /// Returns the recovery that has set the user's password and granted codes for it.
    pub(crate) async fn recovery_of(
        &self,
        ctx: &Ctx,
        user: &User,
    ) -> Result<Option<String>, Error> {
        let grant: Option<RecoveryGrant> = self.store.get(key(user.id)).await?;
        let grant = grant.filter(|grant| grant.expires_at > ctx.now);
        Ok(grant.map(|grant| grant.recovery))
    }
}
