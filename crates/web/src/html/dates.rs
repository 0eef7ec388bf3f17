//! Times for templates, whose macros and messages put them into the user's language, and days of forms.

use doorward_domain::values::Invalid;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use minijinja::{Value, context};

/// A session that was used this recently is active.
const ACTIVE: SignedDuration = SignedDuration::from_mins(5);

/// The parts of a time in UTC, for the messages `date` and `date-time`.
pub(crate) fn moment(at: Timestamp) -> Value {
    context! {
        iso => at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        day => at.strftime("%-d").to_string(),
        month => at.strftime("%B").to_string(),
        year => at.strftime("%Y").to_string(),
        time => at.strftime("%H:%M").to_string(),
    }
}

/// The age in its largest whole unit, for the macro `ago`: the unit and the count. `now` up to five minutes.
pub(crate) fn ago(at: Timestamp, now: Timestamp) -> Value {
    let age = now.duration_since(at);
    let (unit, count) = match age {
        age if age <= ACTIVE => ("now", 0),
        age if age.as_hours() < 1 => ("minutes", age.as_mins()),
        age if age.as_hours() < 24 => ("hours", age.as_hours()),
        age => ("days", age.as_hours() / 24),
    };
    context! { unit, count }
}

/// The beginning of a day in UTC, as a date field sends it.
pub(crate) fn first_of_day(text: &str) -> Result<Timestamp, Invalid> {
    start_of(parse_day(text)).ok_or_else(invalid_day)
}

/// The end of a day in UTC.
pub(crate) fn end_of_day(text: &str) -> Result<Timestamp, Invalid> {
    let next = parse_day(text).and_then(|day| day.tomorrow().ok());
    start_of(next).ok_or_else(invalid_day)
}

/// Parses a day without a time, which the parser of days would ignore.
fn parse_day(text: &str) -> Option<Date> {
    let day: Option<Date> = text.parse().ok();
    day.filter(|day| day.to_string() == text)
}

fn start_of(day: Option<Date>) -> Option<Timestamp> {
    let start = day?.to_zoned(TimeZone::UTC).ok()?;
    Some(start.timestamp())
}

fn invalid_day() -> Invalid {
    Invalid::new("invalid", "Must be a day, such as 2026-11-21.")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http::paging::TimeParser;

    #[test]
    fn an_age_has_its_largest_whole_unit() {
        let now: Timestamp = "2026-11-21T08:00:00Z".parse().unwrap();
        for (at, unit, count) in [
            ("2026-11-21T08:00:10Z", "now", 0),
            ("2026-11-21T07:55:00Z", "now", 0),
            ("2026-11-21T07:54:59Z", "minutes", 5),
            ("2026-11-21T07:00:01Z", "minutes", 59),
            ("2026-11-21T07:00:00Z", "hours", 1),
            ("2026-11-20T08:00:01Z", "hours", 23),
            ("2026-11-20T08:00:00Z", "days", 1),
            ("2026-10-01T08:00:00Z", "days", 51),
        ] {
            let age = ago(at.parse().unwrap(), now);
            let found = (
                age.get_attr("unit").unwrap(),
                age.get_attr("count").unwrap(),
            );
            assert_eq!(found, (unit.into(), count.into()), "{at}");
        }
    }

    #[test]
    fn a_day_is_included_and_a_time_is_no_day() {
        let parsers: [TimeParser; 2] = [first_of_day, end_of_day];
        for (parse, day) in parsers.into_iter().zip(["2026-11-21", "2026-11-22"]) {
            let found = parse("2026-11-21").unwrap();
            assert_eq!(found.to_string(), format!("{day}T00:00:00Z"));
            for text in ["2026-11-21T08:00:00+01:00", "20261121", "yesterday", ""] {
                assert!(parse(text).is_err(), "{text}");
            }
        }
    }
}
