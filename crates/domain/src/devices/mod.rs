//! The device of a sign-in: its cookie (A-08, `cookie`), its browser and system (`program`), and the mail that notifies the owner of an unusual one.
//!
//! Each sign-in is recorded as a [`Device`]: a program (`Firefox` on `Linux`) in a network. A sign-in is usual if the
//! account was used by this program and from this network in the last ninety days, or if the browser sends the cookie
//! of a known device. The first sign-in is usual if the account is younger than that. A limit per account bounds the
//! number of mails.

mod cookie;
mod program;

use std::sync::Arc;

use jiff::SignedDuration;

use crate::ctx::{Ctx, KnownDevice};
use crate::error::Error;
use crate::events::UnusualSignIn;
use crate::limits::{KeyedLimit, MANY_FAILURES, RateLimiter, network_key};
use crate::model::{AuthMethod, Device, User};
use crate::policy::Policy;
use crate::store::{Batch, ReadStore, Records, StoreError, Write};
use crate::values::{Digest, Rate, Secret};

pub(crate) use cookie::DeviceCookies;
pub use cookie::KNOWN_DEVICE_LIFETIME;
pub use program::{ClientProgram, program_of};

/// Limit of mails about sign-ins to one account: someone who has the password cannot flood the mailbox.
const SIGN_IN_NOTICES: Rate = Rate::new(5, 24 * 3600);
/// Time for which a program or a network of an account is remembered.
pub const HISTORY_WINDOW: SignedDuration = SignedDuration::from_hours(90 * 24);
/// Time after which a sign-in records its device again.
const RECORD_INTERVAL: SignedDuration = SignedDuration::from_hours(24);
/// Maximum number of devices that are read.
const MAX_DEVICES: usize = 200;

/// What a sign-in is compared with.
pub(crate) struct SignInHistory {
    /// The devices of earlier sign-ins that are not forgotten.
    pub(crate) devices: Vec<Device>,
    /// Number of wrong passwords and codes before it.
    pub(crate) failures: u32,
}

/// Records the devices of sign-ins, and recognizes known ones.
pub struct SignInDevices {
    pub(crate) store: Arc<dyn ReadStore>,
    pub(crate) policy: Arc<Policy>,
    pub(crate) rate_limiter: Arc<RateLimiter>,
    pub(crate) device_cookies: Arc<DeviceCookies>,
}

impl SignInDevices {
    /// The accounts that a client has signed in to before, by its device cookie.
    pub fn known_devices(&self, ctx: &Ctx, cookie: &str) -> Vec<KnownDevice> {
        self.device_cookies.read(cookie, ctx.now)
    }

    /// The device cookie after a sign-in. `session` is the digest of its session's secret, and its methods.
    pub fn device_cookie(
        &self,
        ctx: &Ctx,
        before: Option<&str>,
        user: &User,
        (session, amr): (&Digest, &[AuthMethod]),
    ) -> Secret<String> {
        let owner = (user.id, user.security_epoch);
        let device = KnownDevice::of_sign_in(owner, session, amr, ctx.now);
        self.device_cookies.write(before, &device)
    }

    /// The devices of a user that are not forgotten; none if devices are not recorded.
    pub(crate) async fn recorded_devices(
        &self,
        ctx: &Ctx,
        user: &User,
    ) -> Result<Vec<Device>, StoreError> {
        if !self.policy.sign_in_notices {
            return Ok(Vec::new());
        }
        let devices = Device::of_user(user.id).limit(MAX_DEVICES);
        let mut devices: Vec<Device> = self.store.list_readable(devices).await?;
        devices.retain(|device| device.expires_at > ctx.now);
        Ok(devices)
    }

    /// Returns the writes that record the device of a sign-in, and what is unusual about it, if the owner is to be
    /// notified.
    pub(crate) async fn record_device(
        &self,
        ctx: &Ctx,
        user: &User,
        history: &SignInHistory,
    ) -> Result<(Batch, Option<UnusualSignIn>), Error> {
        if !self.policy.sign_in_notices {
            return Ok((Batch::new(), None));
        }
        let device = device(ctx, user);
        let batch = match is_recorded(&device, &history.devices) {
            true => Batch::new(),
            false => vec![Write::put(&device)],
        };
        if user.mail_address().is_none() {
            return Ok((batch, None));
        }
        let Some(unusual) = unusual(ctx, user, &device, history) else {
            return Ok((batch, None));
        };
        let limit = KeyedLimit::for_user("sign-in-notice", SIGN_IN_NOTICES, user.id);
        let is_notified = self
            .rate_limiter
            .try_acquire(&limit, ctx.now)
            .await?
            .is_allowed();
        Ok((batch, Some(unusual).filter(|_| is_notified)))
    }
}

/// The device of a sign-in.
fn device(ctx: &Ctx, user: &User) -> Device {
    Device {
        user_id: user.id,
        program: program_of(ctx.client.user_agent.as_deref()),
        // The part of an address that stays the same at one home.
        network: ctx.client.address.map(network_key),
        last_used_at: ctx.now,
        expires_at: ctx.now + HISTORY_WINDOW,
    }
}

/// `true` if the device was recorded less than a day ago. A device in daily use is then written once a day.
fn is_recorded(device: &Device, history: &[Device]) -> bool {
    history.iter().any(|known| {
        (&known.program, &known.network) == (&device.program, &device.network)
            && known.last_used_at > device.last_used_at - RECORD_INTERVAL
    })
}

/// Returns what is unusual about a sign-in that has just succeeded; `None` if it is usual.
fn unusual(
    ctx: &Ctx,
    user: &User,
    device: &Device,
    history: &SignInHistory,
) -> Option<UnusualSignIn> {
    let unusual = |after_failures| {
        Some(UnusualSignIn {
            after_failures,
            device: describe_device(ctx, device),
        })
    };
    if history.failures >= MANY_FAILURES {
        return unusual(true);
    }
    // The cookie of a known device counts in any network, until the next new password.
    if ctx.client.known_to(user).next().is_some() {
        return None;
    }
    let devices = &history.devices;
    if devices.is_empty() && user.created_at > ctx.now - HISTORY_WINDOW {
        // The first sign-in. To an older account it is the first in a long time and is reported: otherwise a
        // thief's device would become the known one.
        return None;
    }
    let knows_program = devices.iter().any(|used| used.program == device.program);
    let knows_network = devices.iter().any(|used| used.network == device.network);
    match knows_program && knows_network {
        true => None,
        false => unusual(false),
    }
}

/// The program, the system and the IP address, such as `Firefox, Linux, 192.0.2.7`.
fn describe_device(ctx: &Ctx, device: &Device) -> Option<String> {
    let address = ctx.client.address;
    let address = address.map(|address| address.to_canonical().to_string());
    let parts = [device.program.clone(), address];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}
