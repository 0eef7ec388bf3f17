//! How often a mailbox is written to, whoever asks for it.

use std::time::Duration;

use crate::accounts::Accounts;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::happening::Happening;
use crate::model::{MailKind, User};
use crate::ports::Charge;
use crate::throttle::{Door, Rate};
use crate::values::{EmailAddress, UserId};

/// Changes of one account's address.
const EMAIL_CHANGES: Rate = Rate {
    burst: 5,
    window: Duration::from_secs(3600),
};

impl Accounts {
    /// Takes one from each budget of a mailbox, known or not, for mails of one kind: whoever asks for
    /// others, or signs up with the address, keeps nobody from their recovery. What is asked for by a
    /// stranger goes to the mailbox all the same, and its link is as good.
    pub(crate) async fn throttle_mailbox(
        &self,
        ctx: &Ctx,
        kind: MailKind,
        email: &EmailAddress,
    ) -> Result<(), Error> {
        if !self.policy.throttle {
            return Ok(());
        }
        let owner = match kind {
            MailKind::Recovery => self.known_owner(ctx, email).await?,
            _ => None,
        };
        let mut key = mailbox_key(kind, email);
        match owner {
            Some(user_id) => key = format!("{key}/{user_id}"),
            // Whoever passed the door as somebody known is a stranger to this address all the same.
            None if !ctx.client.ledger.has_passed(Door::MailRequest) => {
                let taken = self.try_as_stranger(ctx, Door::MailRequest, &[]).await?;
                if let Err((refused, wait)) = taken {
                    return Err(self.refuse(ctx, &refused, wait, None).await);
                }
            }
            None => {}
        }
        let charges = self.of_mailbox(&key);
        self.take(ctx, &charges, None).await
    }

    /// Takes one from what an account has of changes of its address, each of which mails the old one a link
    /// that lives for days, and from what the new one has of such mails.
    pub(crate) async fn throttle_email_change(
        &self,
        ctx: &Ctx,
        user: &User,
        email: &EmailAddress,
    ) -> Result<(), Error> {
        if !self.policy.throttle {
            return Ok(());
        }
        let own = Charge::budget(
            EMAIL_CHANGES.named("email-change"),
            format!("user/{}", user.id),
        );
        let of_new = self.of_mailbox(&mailbox_key(MailKind::EmailChange, email));
        let charges = [vec![own], of_new.to_vec()].concat();
        self.take(ctx, &charges, Some(user.id)).await
    }

    fn of_mailbox(&self, key: &str) -> [Charge; 2] {
        let limits = &self.policy.limits;
        [
            limits.mailbox_pause.named("mailbox-pause"),
            limits.mailbox.named("mailbox"),
        ]
        .map(|budget| Charge::budget(budget, key.to_owned()))
    }

    /// The account with that address, where the client shows that it was signed in to before. Only the
    /// accounts that it shows are looked at, never the address, so nobody learns whose it is.
    async fn known_owner(&self, ctx: &Ctx, email: &EmailAddress) -> Result<Option<UserId>, Error> {
        let has_it = |user: &User| {
            user.email
                .as_ref()
                .is_some_and(|own| own.key() == email.key())
        };
        if let Some(user_id) = ctx.actor.user_id()
            && self
                .ports
                .store
                .find_user(user_id)
                .await?
                .is_some_and(|user| has_it(&user))
        {
            return Ok(Some(user_id));
        }
        for known in &ctx.client.known {
            let user = self.ports.store.find_user(known.user_id).await?;
            if let Some(user) = user.filter(has_it)
                && self.still_holds(known, &user).await?
            {
                return Ok(Some(user.id));
            }
        }
        Ok(None)
    }

    /// Takes one from what a mailbox gets of that kind in the long run; whether it has had enough.
    pub(crate) async fn has_mail_enough(
        &self,
        kind: MailKind,
        email: &EmailAddress,
    ) -> Result<bool, Error> {
        let budget = self.policy.limits.mailbox.named("mailbox");
        let charge = Charge::budget(budget, mailbox_key(kind, email));
        let now = self.now();
        let refused = self.try_take(std::slice::from_ref(&charge), now).await?;
        if refused.is_err() {
            self.note(Happening::Throttled(budget.name));
        }
        Ok(refused.is_err())
    }
}

/// The key of the mails of one kind to one mailbox.
fn mailbox_key(kind: MailKind, email: &EmailAddress) -> String {
    format!("{}/{}", kind.as_str(), email.key())
}
