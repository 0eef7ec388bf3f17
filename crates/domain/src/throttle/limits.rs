//! How many in how long: what an operator can choose, with defaults that are safe.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::ladder::{Ladder, Pauses};
use crate::ports::Budget;

const MINUTE: u64 = 60;
const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;
const MOST: u32 = 1_000_000;

/// So many in so long, written `30/1m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// How many at once, when none was used for a while.
    pub burst: u32,
    /// How long until all of them have come back.
    pub window: Duration,
}

impl Rate {
    const fn new(burst: u32, seconds: u64) -> Self {
        Self {
            burst,
            window: Duration::from_secs(seconds),
        }
    }

    /// The budget of that name.
    pub fn named(self, name: &'static str) -> Budget {
        Budget {
            name,
            burst: self.burst,
            window: self.window,
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let rate = text.split_once('/').and_then(|(burst, window)| {
            let burst = burst.trim().parse().ok()?;
            let window = span(window).filter(|window| window.as_secs() <= DAY)?;
            (1..=MOST)
                .contains(&burst)
                .then_some(Self { burst, window })
        });
        rate.ok_or_else(|| {
            "must be how many in how long, such as 30/1m or 20/1h: 1 to 1000000, in 1s to 1d"
                .to_owned()
        })
    }
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.burst, spelled(self.window))
    }
}

/// A span of time as it is written in a setting, such as `90s`, `3m`, `1h`, `1d`.
pub(super) fn span(text: &str) -> Option<Duration> {
    let text = text.trim();
    let unit = match text.bytes().last()? {
        b's' => 1,
        b'm' => MINUTE,
        b'h' => HOUR,
        b'd' => DAY,
        _ => return None,
    };
    let number: u32 = text[..text.len() - 1].parse().ok()?;
    let seconds = u64::from(number).checked_mul(unit)?;
    (seconds > 0).then_some(Duration::from_secs(seconds))
}

/// The same span, written with the greatest unit that leaves nothing over.
pub(super) fn spelled(span: Duration) -> String {
    let seconds = span.as_secs();
    let units = [(DAY, 'd'), (HOUR, 'h'), (MINUTE, 'm')];
    let whole = units
        .into_iter()
        .find(|(unit, _)| seconds > 0 && seconds.is_multiple_of(*unit));
    let (unit, name) = whole.unwrap_or((1, 's'));
    format!("{}{name}", seconds / unit)
}

/// What strangers come to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Door {
    /// Showing a password: sign-in, and changes that ask for it.
    SignIn,
    /// Signing up.
    SignUp,
    /// Asking for a mail: recovery, or the confirmation once more.
    MailRequest,
    /// Opening a mailed link.
    Link,
    /// Renewing a session, and tokens for other services.
    Token,
}

impl Door {
    /// Every one.
    pub const ALL: [Self; 5] = [
        Self::SignIn,
        Self::SignUp,
        Self::MailRequest,
        Self::Link,
        Self::Token,
    ];

    /// What its budgets are called: of an address, of a network, of all strangers together.
    fn names(self) -> [&'static str; 3] {
        match self {
            Self::SignIn => ["sign-in", "sign-in-network", "sign-in-everybody"],
            Self::SignUp => ["sign-up", "sign-up-network", "sign-up-everybody"],
            Self::MailRequest => [
                "mail-request",
                "mail-request-network",
                "mail-request-everybody",
            ],
            Self::Link => ["link", "link-network", "link-everybody"],
            Self::Token => ["token", "token-network", "token-everybody"],
        }
    }
}

/// The limits of strangers at one door, each wider than the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wide {
    /// From one address, IPv4 /32 or IPv6 /64; or from one known device, or in one session.
    pub address: Rate,
    /// From one network: IPv4 /24, IPv6 /48, so that 256 addresses are not 256 budgets.
    pub network: Rate,
    /// From all strangers together, so that a botnet is slowed.
    pub everybody: Rate,
}

impl Wide {
    const fn new(address: Rate, network: Rate, everybody: Rate) -> Self {
        Self {
            address,
            network,
            everybody,
        }
    }
}

/// Every limit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Passwords shown.
    pub sign_in: Wide,
    /// Wrong passwords from one address.
    pub failures: Rate,
    /// Sign-ups.
    pub sign_up: Wide,
    /// Mails asked for.
    pub mail_request: Wide,
    /// Links tried.
    pub link: Wide,
    /// Renewals and tokens; those with a session count by account.
    pub token: Wide,
    /// Mails to one mailbox, in the long run.
    pub mailbox: Rate,
    /// Mails to one mailbox, in a row.
    pub mailbox_pause: Rate,
    /// Pauses after wrong passwords for one account.
    pub pauses: Pauses,
    /// After so many in a row, strangers are no longer let in by password.
    pub stop: u32,
    /// After so many in a row, a known device is a stranger.
    pub device: u32,
}

impl Default for Limits {
    fn default() -> Self {
        let (minute, hour) = (
            |burst| Rate::new(burst, MINUTE),
            |burst| Rate::new(burst, HOUR),
        );
        Self {
            sign_in: Wide::new(minute(30), minute(120), minute(1200)),
            failures: minute(10),
            sign_up: Wide::new(hour(20), hour(60), hour(1000)),
            mail_request: Wide::new(hour(20), hour(60), hour(1000)),
            link: Wide::new(minute(10), minute(40), minute(600)),
            token: Wide::new(minute(120), minute(480), minute(6000)),
            mailbox: hour(3),
            mailbox_pause: Rate::new(1, 180),
            pauses: Pauses::default(),
            stop: 100,
            device: 10,
        }
    }
}

impl Limits {
    /// The limits of strangers at that door.
    pub fn at(&self, door: Door) -> Wide {
        match door {
            Door::SignIn => self.sign_in,
            Door::SignUp => self.sign_up,
            Door::MailRequest => self.mail_request,
            Door::Link => self.link,
            Door::Token => self.token,
        }
    }

    /// The budgets of strangers at that door: of an address, of a network, of everybody.
    pub fn budgets(&self, door: Door) -> [Budget; 3] {
        let (rates, [address, network, everybody]) = (self.at(door), door.names());
        [
            rates.address.named(address),
            rates.network.named(network),
            rates.everybody.named(everybody),
        ]
    }

    /// The pauses of strangers at an account that can be recovered by mail.
    pub fn stopping(&self) -> Ladder {
        Ladder::stopping(&self.pauses, self.stop)
    }

    /// The pauses of strangers at one that cannot.
    pub fn slowing(&self) -> Ladder {
        Ladder::slowing(&self.pauses, self.stop)
    }

    /// The guesses of a known device.
    pub fn device(&self) -> Ladder {
        Ladder::known(&self.pauses, self.device)
    }

    /// What must hold between limits where both were chosen; each fault is a sentence that names two settings.
    pub fn faults(&self) -> Vec<String> {
        let spacing = |rate: Rate| rate.window / rate.burst;
        let defaults = Self::default();
        let pairs = self.pairs().into_iter().zip(defaults.pairs());
        let chosen = pairs.filter(|(pair, default)| pair.2 != default.2 && pair.4 != default.4);
        let narrower = chosen.filter(|((_, _, inner, _, outer), _)| {
            outer.burst < inner.burst || spacing(*outer) > spacing(*inner)
        });
        let narrower = narrower.map(|((name, inside, inner, around, outer), _)| {
            format!(
                "`throttle.{name}.{around}` ({outer}) allows less than `throttle.{name}.{inside}` ({inner}): make it the wider one, or the other the narrower"
            )
        });
        narrower
            .chain(self.faults_of_one_mailbox(&defaults))
            .chain(self.fault_of_devices(&defaults))
            .collect()
    }

    /// Of each pair the part of the setting's name that both have, the narrower one and the wider one.
    fn pairs(&self) -> Vec<(&'static str, &'static str, Rate, &'static str, Rate)> {
        let doors = [
            ("sign_in", self.sign_in),
            ("sign_up", self.sign_up),
            ("mail", self.mail_request),
            ("link", self.link),
            ("token", self.token),
        ];
        let pairs = doors.into_iter().flat_map(|(name, wide)| {
            [
                (name, "address", wide.address, "network", wide.network),
                (name, "network", wide.network, "everybody", wide.everybody),
            ]
        });
        // Wrong passwords are passwords, and a mailbox's mails are mails.
        let (passwords, mails) = (self.sign_in.address, self.mail_request.everybody);
        let further = [
            ("sign_in", "failures", self.failures, "address", passwords),
            ("mail", "mailbox", self.mailbox, "everybody", mails),
        ];
        pairs.chain(further).collect()
    }

    /// The pause is for mails in a row and the mailbox's own limit for many: each has its part.
    fn faults_of_one_mailbox(&self, defaults: &Self) -> Option<String> {
        let (all, pause) = (self.mailbox, self.mailbox_pause);
        if all == defaults.mailbox || pause == defaults.mailbox_pause {
            None
        } else if pause.burst > all.burst {
            Some(format!(
                "`throttle.mail.mailbox` ({all}) ends before `throttle.mail.mailbox_pause` ({pause}) does: write at most {} into the pause",
                all.burst
            ))
        } else if pause.window / pause.burst > all.window / all.burst {
            Some(format!(
                "`throttle.mail.mailbox_pause` ({pause}) is slower than `throttle.mail.mailbox` ({all}), which does nothing then: write a shorter pause"
            ))
        } else {
            None
        }
    }

    fn fault_of_devices(&self, defaults: &Self) -> Option<String> {
        let (stop, device) = (self.stop, self.device);
        let is_chosen = stop != defaults.stop && device != defaults.device;
        (is_chosen && device > stop).then(|| {
            format!("`throttle.password.known_device` ({device}) is more than `throttle.password.stop` ({stop}), after which a stranger is no longer let in: write at most {stop}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::throttle::BUDGETS;

    #[test]
    fn rates_are_read_and_shown() {
        for (text, shown) in [
            ("30/60s", "30/1m"),
            ("20/1h", "20/1h"),
            (" 1 / 90s ", "1/90s"),
            ("1000000/1d", "1000000/1d"),
            ("3/24h", "3/1d"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), shown);
            assert_eq!(shown.parse(), Ok(rate));
        }
        for wrong in [
            "",
            "30",
            "30/",
            "/1m",
            "0/1m",
            "30/0s",
            "30/m",
            "30/2d",
            "1000001/1s",
            "-1/1m",
            "30/1w",
            "30/1m/1",
            "1.5/1m",
            "30/é",
        ] {
            assert!(wrong.parse::<Rate>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_budget_is_listed_and_the_defaults_grow() {
        let limits = Limits::default();
        assert_eq!(limits.faults(), [] as [String; 0]);
        for door in Door::ALL {
            for budget in limits.budgets(door) {
                assert!(BUDGETS.contains(&budget.name), "{}", budget.name);
            }
        }
        let mut narrow = limits.clone();
        narrow.sign_up.network = Rate::new(10, HOUR);
        narrow.link.everybody = Rate::new(600, HOUR);
        assert_eq!(narrow.faults(), [] as [String; 0], "beside defaults");
        narrow.sign_up.address = Rate::new(11, HOUR);
        narrow.link.network = Rate::new(601, HOUR);
        let faults = narrow.faults();
        assert_eq!(faults.len(), 2, "{faults:?}");
        assert!(faults[0].contains("throttle.sign_up.network"), "{faults:?}");
    }
}
