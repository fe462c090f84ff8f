//! A budget of calls a second.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// How many calls may be made at once after a pause: enough that a few functions do not wait,
/// too few to use up a second's quota that others share.
const BURST: u32 = 3;

/// The longest pause between two calls, however often Lambda asked to slow down.
const SLOWEST: Duration = Duration::from_secs(2);

/// Gives turns at an even rate, in the order in which they are asked for.
///
/// A throttled call halves the rate for the turns that come; each turn after that wins back
/// an eighth, so that a rate which others need as well is found, and left again when they
/// are done.
#[derive(Debug)]
pub struct Pacer {
    pause: Duration,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    /// The pause between two turns now.
    pause: Duration,
    /// The earliest time of the next turn.
    next: Option<Instant>,
}

impl Pacer {
    /// A budget of so many calls a second; 0 counts as 1.
    pub fn new(per_second: u32) -> Self {
        let pause = Duration::from_secs(1) / per_second.max(1);
        let state = State { pause, next: None };
        Self {
            pause,
            state: Mutex::new(state),
        }
    }

    /// Waits for a turn. `false`, at once and without one, when it would come after `until`.
    pub async fn turn(&self, until: Option<Instant>) -> bool {
        let Some(at) = self.reserve(Instant::now(), until) else {
            return false;
        };
        wait_until(at).await;
        true
    }

    fn reserve(&self, now: Instant, until: Option<Instant>) -> Option<Instant> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = now.checked_sub(self.pause * (BURST - 1)).unwrap_or(now);
        let at = state.next.map_or(saved, |next| next.max(saved));
        if until.is_some_and(|until| until < at) {
            return None;
        }
        state.next = Some(at + state.pause);
        state.pause = (state.pause * 7 / 8).max(self.pause);
        Some(at)
    }

    /// Lambda said that it is asked too often: nobody has a turn for a moment, and then half
    /// as often.
    pub fn slow_down(&self) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.pause = (state.pause * 2).min(SLOWEST.max(self.pause));
        let resume = Instant::now() + state.pause;
        state.next = Some(state.next.map_or(resume, |next| next.max(resume)));
    }
}

/// Waits a moment for what AWS is at work on. It tells nobody when it is done, and takes a few
/// seconds: less than it takes to end an invocation and begin another.
pub async fn pause(time: Duration) {
    wait_until(Instant::now() + time).await;
}

#[expect(
    clippy::disallowed_methods,
    reason = "the one place where a function waits (docs/adr/0012-one-function-paces-many.md)"
)]
async fn wait_until(at: Instant) {
    sleep_until(at).await;
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::Pacer;

    async fn time_of(pacer: &Pacer, turns: u32) -> Duration {
        let start = Instant::now();
        for _ in 0..turns {
            assert!(pacer.turn(None).await);
        }
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn the_rate_is_kept_and_a_few_turns_are_free() {
        let pacer = Pacer::new(10);
        assert!(time_of(&pacer, 3).await < Duration::from_millis(5));
        let rest = time_of(&pacer, 30).await;
        assert!((2990..3010).contains(&rest.as_millis()), "{rest:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_saves_no_more_than_the_few() {
        let pacer = Pacer::new(10);
        time_of(&pacer, 3).await;
        tokio::time::advance(Duration::from_mins(1)).await;
        assert!(time_of(&pacer, 3).await < Duration::from_millis(5));
        let next = time_of(&pacer, 1).await;
        assert!((95..105).contains(&next.as_millis()), "{next:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn many_who_wait_at_once_share_one_rate() {
        let pacer = Arc::new(Pacer::new(15));
        let start = Instant::now();
        let waiting: Vec<_> = (0..300)
            .map(|_| {
                let pacer = Arc::clone(&pacer);
                tokio::spawn(async move { pacer.turn(None).await })
            })
            .collect();
        for turn in waiting {
            assert!(turn.await.unwrap());
        }
        let took = start.elapsed().as_secs_f64();
        assert!((19.5..20.5).contains(&took), "{took}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_throttled_call_slows_down_whoever_comes_next_and_the_rate_comes_back() {
        let pacer = Pacer::new(10);
        time_of(&pacer, 3).await;
        pacer.slow_down();
        pacer.slow_down();
        let slow = time_of(&pacer, 3).await;
        assert!((900..1300).contains(&slow.as_millis()), "{slow:?}");
        time_of(&pacer, 20).await;
        let again = time_of(&pacer, 10).await;
        assert!((990..1010).contains(&again.as_millis()), "{again:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_turn_that_would_come_too_late_is_not_waited_for() {
        let pacer = Pacer::new(10);
        let until = Some(Instant::now() + Duration::from_millis(150));
        let mut turns = 0;
        while pacer.turn(until).await {
            turns += 1;
        }
        assert_eq!(turns, 4);
        assert!(pacer.turn(None).await);
    }

    #[tokio::test(start_paused = true)]
    async fn slowing_down_has_an_end() {
        let pacer = Pacer::new(10);
        for _ in 0..100 {
            pacer.slow_down();
        }
        assert!(time_of(&pacer, 1).await <= Duration::from_secs(3));
        assert!(time_of(&Pacer::new(0), 4).await <= Duration::from_secs(2));
    }
}
