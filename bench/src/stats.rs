//! Medians and percentiles of few samples.

use std::time::Duration;

/// The middle of the samples; the mean of the two in the middle where their number is even. Zero without samples.
pub fn median(samples: &[Duration]) -> Duration {
    let sorted = sorted(samples);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => Duration::ZERO,
        length if length % 2 == 1 => sorted[middle],
        _ => (sorted[middle - 1] + sorted[middle]) / 2,
    }
}

/// The smallest sample that at least `percent` of all samples do not exceed. Zero without samples.
pub fn percentile(samples: &[Duration], percent: usize) -> Duration {
    let sorted = sorted(samples);
    let rank = (sorted.len() * percent).div_ceil(100);
    sorted
        .get(rank.saturating_sub(1))
        .copied()
        .unwrap_or_default()
}

/// How many times `floor` goes into `measured`.
pub fn ratio(measured: Duration, floor: Duration) -> f64 {
    measured.as_secs_f64() / floor.as_secs_f64()
}

/// Milliseconds with two digits.
pub fn milliseconds(time: Duration) -> String {
    format!("{:.2} ms", time.as_secs_f64() * 1000.0)
}

/// Seconds with two digits.
pub fn seconds(time: Duration) -> String {
    format!("{:.2} s", time.as_secs_f64())
}

fn sorted(samples: &[Duration]) -> Vec<Duration> {
    let mut sorted = samples.to_vec();
    sorted.sort();
    sorted
}

#[cfg(test)]
mod tests {
    use super::*;

    fn samples(milliseconds: &[u64]) -> Vec<Duration> {
        milliseconds
            .iter()
            .copied()
            .map(Duration::from_millis)
            .collect()
    }

    #[test]
    fn the_median_is_in_the_middle() {
        assert_eq!(median(&samples(&[3, 1, 2])), Duration::from_millis(2));
        assert_eq!(median(&samples(&[1, 4, 2, 3])), Duration::from_micros(2500));
        assert_eq!(median(&[]), Duration::ZERO);
    }

    #[test]
    fn a_percentile_is_one_of_the_samples() {
        let twenty: Vec<u64> = (1..=20).collect();
        assert_eq!(percentile(&samples(&twenty), 95), Duration::from_millis(19));
        assert_eq!(percentile(&samples(&[7]), 95), Duration::from_millis(7));
        assert_eq!(percentile(&[], 95), Duration::ZERO);
    }
}
