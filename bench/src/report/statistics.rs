//! Medians, and ratios of rates that were measured in the same rounds.

use crate::measurement::Run;

/// The middle one, or the mean of the two in the middle.
pub(crate) fn median(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    let (below, above) = (values.get(values.len().checked_sub(1)? / 2)?, values.get(values.len() / 2)?);
    Some(f64::midpoint(*below, *above))
}

/// How many times as many requests `one` answers as `other`: the median over the rounds, in each of which the two had
/// their turns shortly after one another.
pub(crate) fn ratio(one: &[Run], other: &[Run]) -> Option<f64> {
    median(one.iter().zip(other).map(|(one, other)| one.rate() / other.rate()))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn runs(rates: &[u64]) -> Vec<Run> {
        let run = |requests: &u64| Run {
            requests: *requests,
            elapsed: Duration::from_secs(1),
            p50: Duration::ZERO,
            p99: Duration::ZERO,
            service: None,
            database: Duration::ZERO,
            client: Duration::ZERO,
            resident: None,
            unrelated: 0.0,
        };
        rates.iter().map(run).collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median([3.0, 1.0, 2.0]), Some(2.0));
        assert_eq!(median([4.0, 1.0, 2.0, 3.0]), Some(2.5));
        assert_eq!(median([]), None);
    }

    #[test]
    fn a_round_in_which_all_were_slow_does_not_move_the_ratio() {
        // The ratio of the medians would be 2.5.
        assert_eq!(ratio(&runs(&[1_000, 200, 800]), &runs(&[500, 100, 400])), Some(2.0));
        assert_eq!(ratio(&runs(&[900, 1_000, 100]), &runs(&[300, 400, 50])), Some(2.5));
    }
}
