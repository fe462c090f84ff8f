//! How new versions of functions take over their traffic, in the manifest.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How new versions of the functions with an alias take over its traffic in an environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Traffic {
    /// `all-at-once`, which is the default; `canary`, a share for a while and then everything;
    /// or `linear`, the same share more at a time until it is everything.
    #[schemars(with = "String", extend("enum" = ["all-at-once", "canary", "linear"]))]
    pub strategy: Strategy,
    /// The share of the traffic that the new version gets first, and for `linear` with each
    /// further stage, in percent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 99))]
    pub percent: Option<u32>,
    /// How long each stage lasts, in minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub minutes: Option<u32>,
    /// The same in seconds, in place of `minutes`: for an environment where people wait.
    /// CloudWatch counts by the minute.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 3600))]
    pub seconds: Option<u32>,
    /// How many invocations of its new version each function must have had in a stage before
    /// its error rate counts. Default: 50.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1_000_000))]
    pub minimum_invocations: Option<u32>,
    /// How many of a new version's invocations may fail, in percent. More of them put the
    /// release back at once. Default: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 100))]
    pub maximum_error_percent: Option<u32>,
    /// CloudWatch alarms, by name, in the controller's account and region: as soon as one of
    /// them is in the state ALARM, the release is put back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// What happens at the end of a stage in which a function had fewer than
    /// `minimum_invocations`: `wait` for more of them (the default), `ask` a person whether to
    /// go on, `proceed` to the next stage, or `stop` and put the release back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "String", extend("enum" = ["wait", "ask", "proceed", "stop"]))]
    pub when_quiet: Option<WhenQuiet>,
    /// How long `when_quiet: wait` waits in each stage, in minutes; after that the release is
    /// put back. Default: 30.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub quiet_minutes: Option<u32>,
    /// How long `when_quiet: ask` waits in each stage for an answer, or for enough traffic, in
    /// minutes; after that the release is put back. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 720))]
    pub ask_minutes: Option<u32>,
    /// How long after a stage CloudWatch is waited for, in seconds: it shows what happened up
    /// to two minutes later. Default: 60.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 300))]
    pub metrics_delay_seconds: Option<u32>,
}

/// In which stages a new version takes over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Strategy {
    /// In none.
    AllAtOnce,
    /// A share for a while, then everything.
    Canary,
    /// The same share more with every stage, until it is everything.
    Linear,
}

/// What happens when there was too little traffic to judge a new version by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhenQuiet {
    /// Wait for more, and put the release back when none comes.
    Wait,
    /// Ask a person, and put the release back when nobody answers and no more comes.
    Ask,
    /// Go on.
    Proceed,
    /// Put the release back.
    Stop,
}

/// How traffic is shifted, with nothing left to look up. Only where it is shifted in stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResolvedTraffic {
    /// Canary or linear.
    pub strategy: Strategy,
    /// The share that each stage adds, 1 to 99.
    pub percent: u32,
    /// How long each stage lasts, in seconds.
    pub stage_seconds: u32,
    /// How many invocations of its new version a function must have had to be judged.
    pub minimum_invocations: u32,
    /// How many of them may fail, in percent.
    pub maximum_error_percent: u32,
    /// Names of CloudWatch alarms.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<String>,
    /// What happens when there were fewer.
    pub when_quiet: WhenQuiet,
    /// How long more of them, or a person's answer, are waited for, in seconds.
    pub quiet_seconds: u32,
    /// How long after a stage CloudWatch is waited for, in seconds.
    pub metrics_delay_seconds: u32,
}

impl Traffic {
    /// How long each stage lasts, in seconds.
    pub(super) fn stage_seconds(&self) -> Option<u32> {
        self.seconds.or(self.minutes.map(|minutes| minutes * 60))
    }

    /// With its defaults; `None` where traffic is not shifted in stages, or the manifest does
    /// not say how, which its check refuses.
    pub(super) fn resolve(&self) -> Option<ResolvedTraffic> {
        if self.strategy == Strategy::AllAtOnce {
            return None;
        }
        let when_quiet = self.when_quiet.unwrap_or(WhenQuiet::Wait);
        Some(ResolvedTraffic {
            strategy: self.strategy,
            percent: self.percent?,
            stage_seconds: self.stage_seconds()?,
            minimum_invocations: self.minimum_invocations.unwrap_or(50),
            maximum_error_percent: self.maximum_error_percent.unwrap_or(1),
            alarms: self.alarms.clone(),
            when_quiet,
            quiet_seconds: match when_quiet {
                WhenQuiet::Wait => self.quiet_minutes.unwrap_or(30) * 60,
                WhenQuiet::Ask => self.ask_minutes.unwrap_or(60) * 60,
                WhenQuiet::Proceed | WhenQuiet::Stop => 0,
            },
            metrics_delay_seconds: self.metrics_delay_seconds.unwrap_or(60),
        })
    }
}

impl ResolvedTraffic {
    /// The new version's share of the traffic in each stage, in percent, before it gets all
    /// of it: at least one stage, growing, each from 1 to 99.
    pub fn stages(&self) -> Vec<u32> {
        let percent = self.percent.clamp(1, 99);
        match self.strategy {
            Strategy::Linear => (1..=99)
                .map(|it| it * percent)
                .take_while(|it| *it < 100)
                .collect(),
            Strategy::Canary | Strategy::AllAtOnce => vec![percent],
        }
    }

    /// How long it takes at most until the new versions have all traffic, in seconds, beside
    /// the calls themselves.
    pub fn longest_seconds(&self) -> u64 {
        let stages = self.stages().len() as u64;
        let each = [
            self.stage_seconds,
            self.metrics_delay_seconds,
            self.quiet_seconds,
        ];
        stages * each.map(u64::from).iter().sum::<u64>()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{ResolvedTraffic, Strategy, WhenQuiet};

    fn traffic(strategy: Strategy, percent: u32) -> ResolvedTraffic {
        ResolvedTraffic {
            strategy,
            percent,
            stage_seconds: 60,
            minimum_invocations: 50,
            maximum_error_percent: 1,
            alarms: Vec::new(),
            when_quiet: WhenQuiet::Wait,
            quiet_seconds: 1800,
            metrics_delay_seconds: 60,
        }
    }

    #[test]
    fn a_canary_has_one_stage_and_a_linear_shift_as_many_as_fit() {
        assert_eq!(traffic(Strategy::Canary, 10).stages(), [10]);
        assert_eq!(traffic(Strategy::Linear, 20).stages(), [20, 40, 60, 80]);
        assert_eq!(traffic(Strategy::Linear, 30).stages(), [30, 60, 90]);
        assert_eq!(traffic(Strategy::Linear, 99).stages(), [99]);
        assert_eq!(traffic(Strategy::Linear, 50).longest_seconds(), 1920);
    }

    proptest! {
        #[test]
        fn stages_grow_and_are_never_nothing_or_everything(percent in 0_u32..200, linear: bool) {
            let strategy = if linear { Strategy::Linear } else { Strategy::Canary };
            let stages = traffic(strategy, percent).stages();
            prop_assert!(!stages.is_empty() && stages.is_sorted());
            prop_assert!(stages.iter().all(|it| (1..100).contains(it)));
        }
    }
}
