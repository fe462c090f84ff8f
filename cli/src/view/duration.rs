//! Times as people say them.

use jiff::{SignedDuration, Timestamp};

/// Elapsed time while somebody watches: `0:07`, `12:30`, `1:02:30`.
pub fn clock(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    if hours > 0 {
        format!("{hours}:{minutes:02}:{seconds:02}")
    } else {
        format!("{minutes}:{seconds:02}")
    }
}

/// A duration in at most two units: `850 ms`, `4.2 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
pub fn words(duration: SignedDuration) -> String {
    let duration = duration.max(SignedDuration::ZERO);
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3_600 => two(seconds, 60, "min", "s", 1),
        3_600..86_400 => two(seconds, 3_600, "h", "min", 60),
        _ => two(seconds, 86_400, "d", "h", 3_600),
    }
}

/// How long ago something was.
pub fn ago(then: Timestamp, now: Timestamp) -> String {
    let duration = now.duration_since(then);
    if duration.as_secs() < 1 {
        return "just now".to_owned();
    }
    format!("{} ago", words(duration))
}

/// Seconds with milliseconds, for programs.
pub fn seconds(from: Timestamp, to: Timestamp) -> f64 {
    (to.duration_since(from).as_secs_f64() * 1_000.0).round() / 1_000.0
}

/// A moment with its date, in UTC: what logs and the AWS console can be searched for.
pub fn moment(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string()
}

fn two(seconds: i64, unit: i64, name: &str, smaller: &str, smaller_unit: i64) -> String {
    match seconds % unit / smaller_unit {
        0 => format!("{} {name}", seconds / unit),
        rest => format!("{} {name} {rest} {smaller}", seconds / unit),
    }
}

#[cfg(test)]
mod tests {
    use jiff::{SignedDuration, Timestamp};

    use super::{ago, clock, words};

    #[test]
    fn durations_are_said_in_at_most_two_units() {
        let say = |seconds| words(SignedDuration::from_secs(seconds));
        assert_eq!(words(SignedDuration::from_millis(850)), "850 ms");
        assert_eq!(words(SignedDuration::from_millis(4_240)), "4.2 s");
        assert_eq!(say(59), "59 s");
        assert_eq!(say(60), "1 min");
        assert_eq!(say(185), "3 min 5 s");
        assert_eq!(say(7_800), "2 h 10 min");
        assert_eq!(say(273_600), "3 d 4 h");
    }

    #[test]
    fn clocks_that_differ_do_not_show_negative_times() {
        assert_eq!(clock(SignedDuration::from_secs(-3)), "0:00");
        assert_eq!(clock(SignedDuration::from_secs(3_750)), "1:02:30");
        let now = Timestamp::UNIX_EPOCH;
        assert_eq!(ago(now + SignedDuration::from_secs(2), now), "just now");
    }
}
