//! The hours, days or months of a list of totals.

use jiff::Timestamp;

use crate::error::Error;
use crate::model::Total;
use crate::store::Query;
use crate::values::{Invalid, TimeUnit};

/// Maximum number of hours, days or months in a list: the hours of a month.
const MAX_UNITS: usize = 31 * 24;

/// Consecutive hours, days or months in UTC.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TotalsRange {
    unit: TimeUnit,
    /// The beginning of each, oldest first. Not empty.
    starts: Vec<Timestamp>,
    /// The end of the last one.
    end: Timestamp,
}

impl TotalsRange {
    /// The units with the times at or after `from` and before `to`, completed to whole units. Without `to`, they end with
    /// the current one. Without `from`, there are 24 hours, 30 days or 12 months. Fails if there are none, or more than
    /// 744.
    pub fn new(
        unit: TimeUnit,
        from: Option<Timestamp>,
        to: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<Self, Error> {
        if from.is_some_and(|from| from >= to.unwrap_or(now)) {
            return Err(invalid("invalid", "Must be before `to`.".to_owned()));
        }
        let last = unit.start_of(to.unwrap_or(now));
        let end = match to == Some(last) {
            true => Some(last),
            false => unit.after(last, 1),
        };
        let end = end.ok_or_else(too_late)?;
        let first = match from {
            Some(from) => unit.start_of(from),
            None => unit.after(end, -default_count(unit)).unwrap_or(last),
        };
        let next = |start: &Timestamp| unit.after(*start, 1).filter(|next| *next < end);
        let starts = std::iter::successors(Some(first), next);
        let starts: Vec<_> = starts.take(MAX_UNITS + 1).collect();
        match starts.len() <= MAX_UNITS {
            true => Ok(Self { unit, starts, end }),
            false => {
                let unit = unit.as_str();
                let detail = format!("At most {MAX_UNITS} {unit}s can be listed.");
                Err(invalid("too-long", detail))
            }
        }
    }

    /// The unit.
    pub fn unit(&self) -> TimeUnit {
        self.unit
    }

    /// The beginnings of the units.
    pub(super) fn starts(&self) -> &[Timestamp] {
        &self.starts
    }

    /// The stored totals of these units.
    pub(super) fn query(&self) -> Query {
        let stored = match self.unit {
            TimeUnit::Hour => TimeUnit::Hour,
            TimeUnit::Day | TimeUnit::Month => TimeUnit::Day,
        };
        Total::between(stored, self.starts[0], self.end)
    }
}

fn default_count(unit: TimeUnit) -> i32 {
    match unit {
        TimeUnit::Hour => 24,
        TimeUnit::Day => 30,
        TimeUnit::Month => 12,
    }
}

fn invalid(code: &'static str, detail: String) -> Error {
    Error::invalid("from", Invalid::new(code, detail))
}

fn too_late() -> Error {
    let invalid = Invalid::new("out-of-range", "Must be before the end of the year 9999.");
    Error::invalid("to", invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    /// The number of units, the first and the end.
    fn range(
        unit: TimeUnit,
        from: Option<&str>,
        to: Option<&str>,
    ) -> Result<(usize, Timestamp, Timestamp), Error> {
        let now = at("2026-11-21T08:30:00Z");
        let range = TotalsRange::new(unit, from.map(at), to.map(at), now)?;
        Ok((range.starts.len(), range.starts[0], range.end))
    }

    #[test]
    fn a_range_ends_with_the_current_unit_by_default() {
        for (unit, count, first, end) in [
            (
                TimeUnit::Hour,
                24,
                "2026-11-20T09:00:00Z",
                "2026-11-21T09:00:00Z",
            ),
            (
                TimeUnit::Day,
                30,
                "2026-10-23T00:00:00Z",
                "2026-11-22T00:00:00Z",
            ),
            (
                TimeUnit::Month,
                12,
                "2025-12-01T00:00:00Z",
                "2026-12-01T00:00:00Z",
            ),
        ] {
            let found = range(unit, None, None).unwrap();
            assert_eq!(found, (count, at(first), at(end)));
        }
    }

    #[test]
    fn a_unit_that_has_just_begun_is_the_current_one() {
        let now = at("2026-11-21T08:00:00Z");
        let range = TotalsRange::new(TimeUnit::Hour, None, None, now).unwrap();
        assert_eq!(range.starts.last(), Some(&now));
        let until_now = TotalsRange::new(TimeUnit::Hour, None, Some(now), now).unwrap();
        assert_eq!(until_now.end, now);
    }

    #[test]
    fn a_range_has_whole_units() {
        let found = range(
            TimeUnit::Day,
            Some("2026-02-27T23:00:00Z"),
            Some("2026-03-01T00:00:01Z"),
        );
        let expected = (3, at("2026-02-27T00:00:00Z"), at("2026-03-02T00:00:00Z"));
        assert_eq!(found.unwrap(), expected);
        let found = range(
            TimeUnit::Hour,
            Some("2026-02-27T23:00:00Z"),
            Some("2026-02-28T00:00:00Z"),
        );
        let expected = (1, at("2026-02-27T23:00:00Z"), at("2026-02-28T00:00:00Z"));
        assert_eq!(found.unwrap(), expected);
    }

    #[test]
    fn a_range_that_is_empty_or_too_long_is_refused() {
        let code = |unit, from, to| match range(unit, from, to) {
            Err(Error::Invalid(errors)) => errors[0].invalid.code,
            other => panic!("{other:?}"),
        };
        let now = Some("2026-11-21T08:30:00Z");
        assert_eq!(code(TimeUnit::Hour, now, None), "invalid");
        assert_eq!(
            code(TimeUnit::Hour, now, Some("2026-11-21T08:00:00Z")),
            "invalid"
        );
        let (whole, longer) = (Some("2026-10-21T09:00:00Z"), Some("2026-10-21T08:59:59Z"));
        assert_eq!(range(TimeUnit::Hour, whole, None).unwrap().0, MAX_UNITS);
        assert_eq!(code(TimeUnit::Hour, longer, None), "too-long");
        let never = Some("9999-12-30T22:00:00Z");
        assert_eq!(code(TimeUnit::Month, None, never), "out-of-range");
        assert_eq!(
            code(TimeUnit::Month, Some("-009999-01-02T02:00:00Z"), None),
            "too-long"
        );
    }
}
