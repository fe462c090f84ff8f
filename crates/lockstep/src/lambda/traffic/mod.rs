//! Shifting the traffic of aliases to new versions in stages: which weights each stage means,
//! and what is seen of the new versions in between.
//!
//! The stage is what the weights show, so that nothing depends on an answer that came back:
//! [`shift`] leads from whatever an earlier call left behind to the weights of the stage, and
//! never back. [`decide`] says what a look at metrics and alarms means for a stage.

mod ask;
mod decide;
mod judge;
mod planned;
mod shift;

pub use ask::question_of;
pub use decide::{Alarm, AlarmState, Decision, Look, Watched, alarms_are_quiet, decide};
pub use judge::{Judgement, Seen, judge};
pub use planned::in_stages;
pub use shift::{Shift, ours, shift, wanted};
