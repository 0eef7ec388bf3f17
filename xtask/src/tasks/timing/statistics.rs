//! Compares two samples by ranks, so that outliers weigh no more than other values.

/// Result of the rank test.
pub(super) struct Comparison {
    /// Cliff's delta: how much more often the second is the slower one of a pair than the faster one.
    pub(super) effect: f64,
    /// Bounds of its 95 % interval.
    pub(super) low: f64,
    pub(super) high: f64,
    /// The effect above which this number of samples distinguishes the two.
    pub(super) limit: f64,
}

impl Comparison {
    /// One of `comparisons` in all: one in a thousand runs reports a difference if there is none.
    pub(super) fn of(base: &[u64], other: &[u64], comparisons: usize) -> Self {
        let effect = cliffs_delta(base, other);
        let (n, m) = (base.len() as f64, other.len() as f64);
        // Standard error of the delta if both are equal; close enough for an interval near 0.
        let error = ((n + m + 1.0) / (3.0 * n * m)).sqrt();
        Self {
            effect,
            low: effect - 1.96 * error,
            high: effect + 1.96 * error,
            limit: quantile(0.001 / comparisons.max(1) as f64) * error,
        }
    }

    pub(super) fn is_significant(&self) -> bool {
        self.effect.abs() > self.limit
    }
}

/// By sums of ranks (Mann and Whitney), with the middle rank for ties.
fn cliffs_delta(base: &[u64], other: &[u64]) -> f64 {
    let mut all: Vec<(u64, bool)> = base.iter().map(|time| (*time, false)).collect();
    all.extend(other.iter().map(|time| (*time, true)));
    all.sort_unstable();
    let mut rank_sum = 0.0;
    let mut at = 0;
    while at < all.len() {
        let ties = all[at..]
            .iter()
            .take_while(|(time, _)| *time == all[at].0)
            .count();
        let rank = at as f64 + (ties as f64 + 1.0) / 2.0;
        let others = all[at..at + ties]
            .iter()
            .filter(|(_, is_other)| *is_other)
            .count();
        rank_sum += rank * others as f64;
        at += ties;
    }
    let (n, m) = (base.len() as f64, other.len() as f64);
    let wins = rank_sum - m * (m + 1.0) / 2.0;
    2.0 * wins / (n * m) - 1.0
}

/// Number of standard errors beyond which this part of a normal distribution lies, on both sides together; by
/// bisection, which is exact enough.
fn quantile(both_tails: f64) -> f64 {
    let (mut low, mut high) = (0.0, 10.0);
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        match 2.0 * upper_tail(middle) > both_tails {
            true => low = middle,
            false => high = middle,
        }
    }
    low
}

/// Upper tail of a normal distribution, by Abramowitz and Stegun 26.2.17 (to 1e-7).
fn upper_tail(at: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * at);
    let series = t
        * (0.319_381_530
            + t * (-0.356_563_782
                + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    (-at * at / 2.0).exp() / (2.0 * std::f64::consts::PI).sqrt() * series
}

/// Median in microseconds.
pub(super) fn median(times: &[u64]) -> f64 {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    sorted[sorted.len() / 2] as f64 / 1_000.0
}

/// Pseudo-random, repeatable orders: xorshift.
pub(super) struct Shuffle(u64);

impl Shuffle {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn shuffle(&mut self, items: &mut [usize]) {
        for at in (1..items.len()).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            items.swap(at, (self.0 % (at as u64 + 1)) as usize);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two samples of a skewed distribution, the second slower by `shift`.
    fn samples(count: usize, shift: u64) -> (Vec<u64>, Vec<u64>) {
        let mut order = Shuffle::new(7);
        let mut draw = |shift: u64| -> Vec<u64> {
            let drawn = (0..count).map(|_| {
                let mut ten: Vec<usize> = (0..1000).collect();
                order.shuffle(&mut ten[..50]);
                (ten[0] * ten[1] * ten[2]) as u64 + shift
            });
            drawn.collect()
        };
        (draw(0), draw(shift))
    }

    /// T-EQUAL: the test detects a difference if there is one, and none otherwise.
    #[test]
    fn a_shift_is_significant_and_noise_is_not() {
        let (base, same) = samples(2_000, 0);
        assert!(!Comparison::of(&base, &same, 20).is_significant());
        let (base, slower) = samples(2_000, 2_000);
        let found = Comparison::of(&base, &slower, 20);
        assert!(found.is_significant() && found.effect > 0.0 && found.low < found.effect);
        let found = Comparison::of(&slower, &base, 20);
        assert!(found.is_significant() && found.effect < 0.0);
    }

    #[test]
    fn the_effect_size_is_exact_at_its_limits() {
        assert!((cliffs_delta(&[1, 2, 3], &[4, 5, 6]) - 1.0).abs() < 1e-12);
        assert!((cliffs_delta(&[4, 5, 6], &[1, 2, 3]) + 1.0).abs() < 1e-12);
        assert!(cliffs_delta(&[1, 2, 3], &[1, 2, 3]).abs() < 1e-12);
        assert!((quantile(0.05) - 1.96).abs() < 0.001);
        assert!((quantile(0.001) - 3.2905).abs() < 0.001);
    }
}
