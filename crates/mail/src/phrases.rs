//! Phrases that need arithmetic or appear in every mail. All other text is in `templates/`.

use doorward_domain::values::Locale;

/// Lifetime of a link, such as "30 minutes", "24 hours" or "3 days". Rounded down, so that a mail does not
/// promise too much.
pub(crate) fn lifetime(locale: Locale, minutes: i64) -> String {
    let minutes = minutes.max(1);
    let hours = minutes / 60;
    let (count, unit) = if minutes < 120 && minutes % 60 != 0 {
        (minutes, Unit::Minute)
    } else if hours >= 48 && hours % 24 == 0 {
        (hours / 24, Unit::Day)
    } else {
        (hours, Unit::Hour)
    };
    let name = match (locale, unit, count == 1) {
        (Locale::En, Unit::Minute, true) => "minute",
        (Locale::En, Unit::Minute, false) => "minutes",
        (Locale::En, Unit::Hour, true) => "hour",
        (Locale::En, Unit::Hour, false) => "hours",
        (Locale::En, Unit::Day, true) => "day",
        (Locale::En, Unit::Day, false) => "days",
        (Locale::De, Unit::Minute, true) => "Minute",
        (Locale::De, Unit::Minute, false) => "Minuten",
        (Locale::De, Unit::Hour, true) => "Stunde",
        (Locale::De, Unit::Hour, false) => "Stunden",
        (Locale::De, Unit::Day, true) => "Tag",
        (Locale::De, Unit::Day, false) => "Tage",
    };
    format!("{count} {name}")
}

/// Text between the button and the link.
pub(crate) fn link_hint(locale: Locale) -> &'static str {
    match locale {
        Locale::En => "If the button does not work, copy this address into your browser:",
        Locale::De => {
            "Falls die Schaltfläche nicht funktioniert, kopieren Sie diese Adresse in Ihren Browser:"
        }
    }
}

#[derive(Clone, Copy)]
enum Unit {
    Minute,
    Hour,
    Day,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lifetime_is_said_in_the_unit_people_use_and_never_too_long() {
        for (minutes, english, german) in [
            (-5, "1 minute", "1 Minute"),
            (1, "1 minute", "1 Minute"),
            (30, "30 minutes", "30 Minuten"),
            (60, "1 hour", "1 Stunde"),
            (90, "90 minutes", "90 Minuten"),
            (179, "2 hours", "2 Stunden"),
            (1440, "24 hours", "24 Stunden"),
            (4320, "3 days", "3 Tage"),
            (4380, "73 hours", "73 Stunden"),
        ] {
            assert_eq!(lifetime(Locale::En, minutes), english);
            assert_eq!(lifetime(Locale::De, minutes), german);
        }
    }
}
