//! Hours, days and months in UTC.

use jiff::tz::Offset;
use jiff::{Timestamp, ToSpan};

use crate::string_enum::string_enum;

string_enum! {
    /// A unit of time in UTC.
    TimeUnit {
        /// An hour.
        Hour => "hour",
        /// A day.
        Day => "day",
        /// A month of the calendar.
        Month => "month",
    }
}

impl TimeUnit {
    /// The beginning of the unit that contains a time.
    pub fn start_of(self, at: Timestamp) -> Timestamp {
        let time = Offset::UTC.to_datetime(at);
        let start = match self {
            Self::Hour => time.date().at(time.hour(), 0, 0, 0),
            Self::Day => time.date().at(0, 0, 0, 0),
            Self::Month => time.date().first_of_month().at(0, 0, 0, 0),
        };
        Offset::UTC.to_timestamp(start).unwrap_or(at)
    }

    /// The time this many units later, or earlier for a negative number. `None` if there is no such time.
    pub fn after(self, start: Timestamp, count: i32) -> Option<Timestamp> {
        let span = match self {
            Self::Hour => count.hours(),
            Self::Day => count.days(),
            Self::Month => count.months(),
        };
        let time = Offset::UTC.to_datetime(start).checked_add(span).ok()?;
        Offset::UTC.to_timestamp(time).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_unit_begins_with_its_hour_day_or_month_in_utc() {
        let time = at("2024-02-29T23:59:59.999999Z");
        for (unit, start, next) in [
            (
                TimeUnit::Hour,
                "2024-02-29T23:00:00Z",
                "2024-03-01T00:00:00Z",
            ),
            (
                TimeUnit::Day,
                "2024-02-29T00:00:00Z",
                "2024-03-01T00:00:00Z",
            ),
            (
                TimeUnit::Month,
                "2024-02-01T00:00:00Z",
                "2024-03-01T00:00:00Z",
            ),
        ] {
            assert_eq!(unit.start_of(time), at(start));
            assert_eq!(unit.start_of(at(start)), at(start));
            assert_eq!(unit.after(at(start), 1), Some(at(next)));
            assert_eq!(unit.after(at(next), -1), Some(at(start)));
        }
    }

    #[test]
    fn there_is_no_unit_beyond_the_last_time() {
        for unit in TimeUnit::ALL {
            let last = unit.start_of(Timestamp::MAX);
            assert_eq!(unit.after(last, 1), None);
            assert!(unit.start_of(Timestamp::MIN) <= Timestamp::MIN);
        }
    }
}
