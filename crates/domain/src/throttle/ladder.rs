//! Pauses after wrong guesses: the more in a row, the longer.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use super::limits::{span, spelled};

const HOUR: Duration = Duration::from_secs(3600);
/// The longest that may be set: the hour after the last step is told from every pause before it by its length.
const LONGEST_PAUSE: Duration = Duration::from_secs(1800);
/// How long each failure is remembered: what a stranger can make us keep is bounded by what they
/// can make us hash.
const REMEMBERED: Duration = Duration::from_secs(6 * 3600);
/// How long all of them together are.
const REMEMBERED_AT_MOST: Duration = Duration::from_secs(30 * 24 * 3600);
/// How long a stop stays that nobody lifts.
const STOP: Duration = Duration::from_secs(90 * 24 * 3600);

/// From how many wrong guesses in a row on which pause follows each, fewest first; and for how long
/// they are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ladder {
    /// From so many failures on, such a pause.
    pub steps: Vec<(u32, Duration)>,
    /// How long each failure is remembered.
    pub remembered: Duration,
    /// How long all of them together are, but for the pause itself.
    pub at_most: Duration,
}

impl Ladder {
    /// For strangers at an account: growing pauses, and from `stop` failures on none gets through until
    /// the account is recovered.
    pub fn stopping(pauses: &Pauses, stop: u32) -> Self {
        Self::of(pauses, stop, STOP)
    }

    /// For strangers at an account that cannot be recovered by mail: from `stop` on one try an hour, or
    /// its owner could be kept out for good.
    pub fn slowing(pauses: &Pauses, stop: u32) -> Self {
        Self::of(pauses, stop, HOUR)
    }

    /// For each network at such an account once it has stopped: one try an hour, whatever the others do, or
    /// a stranger who asks once an hour would keep its owner out.
    pub fn hourly() -> Self {
        Self {
            steps: vec![(1, HOUR)],
            remembered: HOUR,
            at_most: HOUR,
        }
    }

    /// Whether so long a wait is the last step, and no pause on the way there.
    pub fn is_stop(&self, wait: Duration) -> bool {
        let before = self.steps.iter().rev().nth(1);
        before.is_none_or(|(_, pause)| wait > *pause)
    }

    /// For a known device: so many, and it is no longer known.
    pub fn known(pauses: &Pauses, guesses: u32) -> Self {
        Self {
            remembered: STOP,
            at_most: STOP,
            ..Self::of(pauses, guesses, STOP)
        }
    }

    fn of(pauses: &Pauses, stop: u32, pause: Duration) -> Self {
        let slower = pauses.0.iter().filter(|(from, _)| *from < stop);
        Self {
            steps: slower.copied().chain([(stop, pause)]).collect(),
            remembered: REMEMBERED,
            at_most: REMEMBERED_AT_MOST,
        }
    }

    /// How long to wait after so many failures.
    pub fn pause(&self, failures: u32) -> Duration {
        let reached = self.steps.iter().rfind(|(from, _)| failures >= *from);
        reached.map_or(Duration::ZERO, |(_, pause)| *pause)
    }

    /// How many more there may be before the last step, after so many.
    pub fn remaining(&self, failures: u32) -> u32 {
        let last = self.steps.last().map_or(u32::MAX, |(from, _)| *from);
        last.saturating_sub(failures)
    }

    /// How long so many failures are remembered.
    pub fn memory(&self, failures: u32) -> Duration {
        let each = self.remembered.saturating_mul(failures);
        each.min(self.at_most).max(self.pause(failures))
    }
}

/// Growing pauses, written `3:1s, 9:3s`: from the third failure on a second, from the ninth on three.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pauses(Vec<(u32, Duration)>);

impl Default for Pauses {
    fn default() -> Self {
        let steps = [(3, 1), (9, 3), (25, 5), (50, 10)];
        Self(
            steps
                .map(|(from, seconds)| (from, Duration::from_secs(seconds)))
                .to_vec(),
        )
    }
}

impl FromStr for Pauses {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            "must be up to eight steps such as 3:1s, 9:3s, 25:5s, 50:10s: after how many wrong passwords in a row which pause, growing, of at most half an hour".to_owned()
        };
        let step = |text: &str| {
            let (from, pause) = text.trim().split_once(':')?;
            let from: u32 = from.parse().ok().filter(|from| (1..=99).contains(from))?;
            let pause = span(pause)?;
            (pause <= LONGEST_PAUSE).then_some((from, pause))
        };
        let steps: Option<Vec<_>> = text.split(',').map(step).collect();
        let steps = steps.ok_or_else(wrong)?;
        let grows = steps
            .windows(2)
            .all(|pair| pair[0].0 < pair[1].0 && pair[0].1 <= pair[1].1);
        match grows && steps.len() <= 8 {
            true => Ok(Self(steps)),
            false => Err(wrong()),
        }
    }
}

impl fmt::Display for Pauses {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, (from, pause)) in self.0.iter().enumerate() {
            let comma = if number > 0 { ", " } else { "" };
            write!(f, "{comma}{from}:{}", spelled(*pause))?;
        }
        Ok(())
    }
}

/// How long a device is known after its last sign-in.
pub(crate) const KNOWN_FOR: Duration = Duration::from_secs(180 * 24 * 3600);

#[cfg(test)]
mod tests {
    use super::*;

    /// 1 s after 3, 3 s after 9, 5 s after 25, 10 s after 50; then none, or one an hour.
    #[test]
    fn the_pauses_grow_and_then_it_stops() {
        let pauses = Pauses::default();
        let (stopping, slowing) = (
            Ladder::stopping(&pauses, 100),
            Ladder::slowing(&pauses, 100),
        );
        for (failures, seconds) in [
            (0, 0),
            (2, 0),
            (3, 1),
            (9, 3),
            (25, 5),
            (49, 5),
            (50, 10),
            (99, 10),
        ] {
            let pause = Duration::from_secs(seconds);
            assert_eq!(stopping.pause(failures), pause, "{failures}");
            assert_eq!(slowing.pause(failures), pause, "{failures}");
        }
        assert_eq!(stopping.pause(100), STOP);
        assert_eq!(slowing.pause(100), HOUR);
        assert_eq!(slowing.pause(1000), HOUR);
        assert!(stopping.memory(100) >= STOP);
    }

    #[test]
    fn pauses_are_read_and_shown() {
        let shown = Pauses::default().to_string();
        assert_eq!(shown, "3:1s, 9:3s, 25:5s, 50:10s");
        assert_eq!(shown.parse(), Ok(Pauses::default()));
        for wrong in [
            "",
            "3",
            "3:",
            "0:1s",
            "100:1s",
            "3:31m",
            "3:1h",
            "9:1s,3:3s",
            "3:5s,9:1s",
            "3:1s,",
        ] {
            assert!(wrong.parse::<Pauses>().is_err(), "{wrong}");
        }
    }
}
