//! A rate as an operator writes it, such as `30/1m`.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

const UNITS: [(u64, char); 4] = [(86_400, 'd'), (3600, 'h'), (60, 'm'), (1, 's')];
const MAX_BURST: u32 = 1_000_000;
const MAX_WINDOW: u64 = 86_400;

/// `burst` events per `window`, written `30/1m`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Maximum number of events at once, after a window without events.
    pub burst: u32,
    /// Time until all of them are available again.
    pub window: Duration,
}

impl Rate {
    /// `burst` events per this many seconds.
    pub const fn new(burst: u32, seconds: u64) -> Self {
        Self {
            burst,
            window: Duration::from_secs(seconds),
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse(text).ok_or_else(|| {
            "must be a number of attempts and a time, such as 30/1m or 20/1h: 1 to 1000000, in 1s to 1d"
                .to_owned()
        })
    }
}

fn parse(text: &str) -> Option<Rate> {
    let (burst, window) = text.split_once('/')?;
    let burst = burst.trim().parse().ok()?;
    let window = window.trim();
    let (seconds, _) = UNITS.iter().find(|(_, unit)| window.ends_with(*unit))?;
    let number: u64 = window[..window.len() - 1].parse().ok()?;
    let window = number.checked_mul(*seconds)?;
    let is_valid = (1..=MAX_BURST).contains(&burst) && (1..=MAX_WINDOW).contains(&window);
    is_valid.then_some(Rate::new(burst, window))
}

impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let window = self.window.as_secs();
        let unit = UNITS
            .iter()
            .find(|(seconds, _)| window.is_multiple_of(*seconds));
        let (seconds, unit) = unit.unwrap_or(&(1, 's'));
        write!(f, "{}/{}{unit}", self.burst, window / seconds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_parsed_and_displayed() {
        for (text, displayed) in [
            ("30/60s", "30/1m"),
            ("20/1h", "20/1h"),
            (" 1 / 90s ", "1/90s"),
            ("1000000/24h", "1000000/1d"),
        ] {
            let rate: Rate = text.parse().unwrap();
            assert_eq!(rate.to_string(), displayed);
            assert_eq!(displayed.parse(), Ok(rate));
        }
        for invalid in [
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
            assert!(invalid.parse::<Rate>().is_err(), "{invalid}");
        }
    }
}
