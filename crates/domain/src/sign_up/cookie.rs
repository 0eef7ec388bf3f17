//! The cookie of a sign-up in a browser: a user who confirms the address there has entered the password already, and is
//! signed in.
//!
//! It grants no access by itself: only the `POST` that confirms the address by the mailed link reads it. It is sealed with
//! the master key, and bound to the user's id, pending address, security epoch and password. A change of one of them voids
//! it, and so does the confirmation, which uses the link up. A sign-up with an address that is in use has a pending user
//! like any other, whose link is never mailed, so its cookie reveals nothing.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};

use crate::clock::RandomSource;
use crate::ctx::Ctx;
use crate::error::Error;
use crate::keys::MasterKey;
use crate::model::{Credential, User};
use crate::store::{ReadStore, Records};
use crate::values::{Digest, EmailAddress, Secret};

/// Time for which the cookie is valid.
pub const SIGN_UP_COOKIE_LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// The name that it is sealed under.
const NAME: &str = "sign-up-cookie";

/// A sign-up that needs no further step, and whose password was entered in the browser of this request.
/// `SignIn::after_sign_up` signs its user in.
#[derive(Debug)]
pub struct CompletedSignUp {
    pub(crate) user: User,
    pub(crate) password_entered_at: Timestamp,
}

impl CompletedSignUp {
    /// The user, who is active.
    pub fn user(&self) -> &User {
        &self.user
    }
}

/// Seals and opens the cookies.
pub(crate) struct SignUpCookies {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) master_key: Arc<MasterKey>,
    pub(crate) random: Arc<dyn RandomSource>,
}

impl SignUpCookies {
    /// Creates the cookie of a sign-up whose address has to be confirmed. All have the same length, so that the length of a
    /// response does not depend on the account.
    pub(crate) fn seal(
        &self,
        ctx: &Ctx,
        user: &User,
        email: &EmailAddress,
        password: &Credential,
    ) -> Secret<String> {
        let entered_at = ctx.now.as_microsecond().to_be_bytes();
        let binding = binding(user, email, password);
        let plain = [entered_at.as_slice(), binding.as_bytes()].concat();
        let sealed = self.master_key.seal(NAME, &plain, &*self.random);
        Secret::new(URL_SAFE_NO_PAD.encode(sealed))
    }

    /// Returns when the password was entered, if the cookie is of the sign-up of this user with this address. `None` if it
    /// is void.
    pub(crate) async fn password_entered_at(
        &self,
        ctx: &Ctx,
        cookie: &str,
        (user, email): (&User, &EmailAddress),
    ) -> Result<Option<Timestamp>, Error> {
        let Some((entered_at, bound_to)) = self.open(cookie) else {
            return Ok(None);
        };
        if ctx.now.duration_since(entered_at) >= SIGN_UP_COOKIE_LIFETIME {
            return Ok(None);
        }
        let password: Option<Credential> = self.store.get(user.id).await?;
        let is_bound = password.is_some_and(|stored| binding(user, email, &stored) == bound_to);
        Ok(is_bound.then_some(entered_at))
    }

    fn open(&self, cookie: &str) -> Option<(Timestamp, Digest)> {
        let sealed = URL_SAFE_NO_PAD.decode(cookie).ok()?;
        let plain = self.master_key.open(NAME, &sealed).ok()?;
        let (entered_at, bound_to) = plain.expose().split_first_chunk::<8>()?;
        let entered_at = Timestamp::from_microsecond(i64::from_be_bytes(*entered_at)).ok()?;
        Some((entered_at, Digest::from_bytes(bound_to.try_into().ok()?)))
    }
}

/// What the cookie is bound to. Each part has a fixed length.
fn binding(user: &User, email: &EmailAddress, password: &Credential) -> Digest {
    let email = Digest::of(email.key().as_bytes());
    let password = Digest::of(password.data.expose().as_bytes());
    let parts = [
        user.id.as_bytes().as_slice(),
        &user.security_epoch.to_be_bytes(),
        email.as_bytes(),
        password.as_bytes(),
    ];
    Digest::of(&parts.concat())
}
