//! The plots of the console: bars for each hour, day or month, and the same numbers as a table.

use doorward_domain::model::TotalKind;
use doorward_domain::totals::{TotalsRange, UnitTotals};
use doorward_domain::values::TimeUnit;
use minijinja::{Value, context};

use crate::html::console::AdminCaller;
use crate::html::dates::moment;
use crate::http::problem::Problem;

/// Height of the highest bar, in the units of the picture.
const HEIGHT: i64 = 60;
/// Distance between the left edges of two bars.
const STEP: usize = 10;

/// The plots of the last 24 hours, 30 days or 12 months, for the template.
pub(crate) async fn plots(caller: &AdminCaller, unit: TimeUnit) -> Result<Value, Problem> {
    let range = TotalsRange::new(unit, None, None, caller.ctx.now)?;
    let totals = caller.doorward().totals.list(&caller.ctx, &range).await?;
    let plot = |kind: &TotalKind| plot(*kind, &totals);
    let row = |totals: &UnitTotals| {
        let counts = TotalKind::ALL.iter().map(|kind| totals.of(*kind));
        context! { at => moment(totals.starts_at), counts => counts.collect::<Vec<_>>() }
    };
    let starts_at = |totals: Option<&UnitTotals>| totals.map(|totals| moment(totals.starts_at));
    Ok(context! {
        unit => unit.as_str(),
        first => starts_at(totals.first()),
        last => starts_at(totals.last()),
        width => totals.len() * STEP,
        height => HEIGHT,
        kinds => TotalKind::ALL.iter().map(plot).collect::<Vec<_>>(),
        // The newest first, as in other lists.
        rows => totals.iter().rev().map(row).collect::<Vec<_>>(),
    })
}

fn plot(kind: TotalKind, totals: &[UnitTotals]) -> Value {
    let amounts = || totals.iter().map(|totals| totals.of(kind));
    let highest = amounts().max().unwrap_or_default();
    let bar = |(place, amount): (usize, i64)| {
        let height = scale(amount, highest);
        context! { x => place * STEP, y => HEIGHT - height, height }
    };
    let bars = amounts().enumerate().filter(|(_, amount)| *amount > 0);
    let since = totals
        .first()
        .map(|first| first.starts_at.strftime("%F").to_string());
    context! {
        name => kind.as_str(),
        log => log(kind),
        since,
        sum => amounts().sum::<i64>(),
        highest,
        bars => bars.map(bar).collect::<Vec<_>>(),
    }
}

/// The filters of the audit log that select such events, or most of them.
fn log(kind: TotalKind) -> &'static str {
    match kind {
        TotalKind::SignUps => "event=sign-up",
        TotalKind::SignIns => "event=sign-in&outcome=success",
        TotalKind::Failures => "event=sign-in&outcome=failure",
        TotalKind::Mails => "event=mail-sent",
        TotalKind::Throttled => "event=throttled",
    }
}

/// The height of a bar. Any number above zero can be seen.
fn scale(amount: i64, highest: i64) -> i64 {
    match highest {
        0 => 0,
        highest => (i128::from(amount) * i128::from(HEIGHT) / i128::from(highest))
            .try_into()
            .unwrap_or(HEIGHT)
            .max(2),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_highest_bar_fills_the_height_and_the_lowest_can_be_seen() {
        assert_eq!(scale(500, 500), HEIGHT);
        assert_eq!(scale(250, 500), HEIGHT / 2);
        assert_eq!(scale(1, 1_000_000), 2);
        assert_eq!(scale(i64::MAX, i64::MAX), HEIGHT);
        assert_eq!(scale(0, 0), 0);
    }
}
