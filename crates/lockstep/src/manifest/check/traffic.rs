//! What a manifest says of shifting traffic.

use std::collections::BTreeSet;

use super::Check;
use crate::manifest::error::Problem;
use crate::manifest::places::{item_path, join};
use crate::manifest::resolved::NamedEnvironment;
use crate::manifest::rules;
use crate::manifest::traffic::{Strategy, Traffic, WhenQuiet};
use crate::manifest::wording::quoted;

/// How many alarms an environment may name.
const ALARMS: usize = 20;

/// In how many stages traffic may be shifted.
const STAGES: usize = 20;

/// How long shifting traffic may take at most, in hours: an execution ends after a day.
const HOURS: u64 = 12;

/// The settings that mean something only where there are stages.
const OF_STAGES: [&str; 10] = [
    "percent",
    "minutes",
    "seconds",
    "minimum_invocations",
    "maximum_error_percent",
    "alarms",
    "when_quiet",
    "quiet_minutes",
    "ask_minutes",
    "metrics_delay_seconds",
];

impl Check<'_> {
    pub(super) fn traffic(&mut self, named: &NamedEnvironment<'_>) {
        let Some(traffic) = named.traffic() else {
            return;
        };
        let path = format!("environments.{}.traffic", named.name());
        if traffic.strategy == Strategy::AllAtOnce {
            for key in OF_STAGES {
                self.beside(
                    &path,
                    key,
                    "`strategy: all-at-once`",
                    "it has no stages; write `canary` or `linear`",
                );
            }
            return;
        }
        self.stages(&path, &traffic);
        self.alarms(&path, named, &traffic);
        if traffic.when_quiet.is_some_and(|it| it != WhenQuiet::Wait) {
            let help = "only `when_quiet: wait` waits";
            self.beside(
                &path,
                "quiet_minutes",
                "a `when_quiet` that does not wait",
                help,
            );
        }
        if traffic.when_quiet != Some(WhenQuiet::Ask) {
            let help = "only `when_quiet: ask` asks";
            self.beside(
                &path,
                "ask_minutes",
                "a `when_quiet` that does not ask",
                help,
            );
        }
        if named
            .functions()
            .all(|(_, function)| function.alias.is_none())
        {
            let found = "functions without an alias";
            let problem = Problem::new(&path, found, "at least one function with `alias`");
            let problem = problem.help("only an alias can share its traffic between two versions");
            self.report(&self.places.key(&path), problem);
        }
    }

    fn stages(&mut self, path: &str, traffic: &Traffic) {
        if traffic.percent.is_none() {
            self.missing(path, "percent", "`percent`, the share of the first stage");
        }
        if traffic.minutes.is_some() {
            self.beside(path, "seconds", "`minutes`", "a stage has one length");
        }
        if traffic.stage_seconds().is_none() {
            self.missing(path, "minutes", "`minutes`, how long a stage lasts");
        }
        let Some(resolved) = traffic.resolve() else {
            return;
        };
        let (stages, longest) = (resolved.stages().len(), resolved.longest_seconds());
        if stages > STAGES {
            let problem = Problem::new(
                join(path, "percent").as_str(),
                format!("{stages} stages"),
                format!("at most {STAGES}"),
            );
            let problem = problem.help("write a `percent` of at least 5");
            self.report(&self.places.value(&join(path, "percent")), problem);
        } else if longest > HOURS * 3600 {
            let found = format!("stages that may take {} minutes together", longest / 60);
            let problem = Problem::new(path, found, format!("at most {} minutes", HOURS * 60));
            let help =
                "`quiet_minutes`, `ask_minutes` and `metrics_delay_seconds` count for each stage";
            self.report(&self.places.key(path), problem.help(help));
        }
    }

    fn alarms(&mut self, path: &str, named: &NamedEnvironment<'_>, traffic: &Traffic) {
        let path = join(path, "alarms");
        let mut seen = BTreeSet::new();
        for (index, alarm) in traffic.alarms.iter().enumerate() {
            let item = item_path(&path, index);
            self.value(&item, alarm, named, rules::alarm);
            if !seen.insert(alarm) {
                let found = format!("{} again", quoted(alarm));
                let problem = Problem::new(&item, found, "each alarm once");
                self.report(&self.places.value(&item), problem);
            }
        }
        if traffic.alarms.len() > ALARMS {
            let found = format!("{} alarms", traffic.alarms.len());
            let problem = Problem::new(&path, found, format!("at most {ALARMS}"));
            let help = "make a composite alarm of those that belong together";
            self.report(&self.places.key(&path), problem.help(help));
        }
    }

    fn missing(&mut self, path: &str, key: &str, expected: &str) {
        // A value that was refused for its shape is left out of what is checked here.
        if self.places.first([join(path, key)]).is_none() {
            let problem = Problem::new(path, format!("no `{key}`"), expected);
            self.report(&self.places.key(path), problem);
        }
    }

    /// A key that does not go together with another.
    fn beside(&mut self, path: &str, key: &str, other: &str, help: &str) {
        if let Some(path) = self.places.first([join(path, key)]) {
            let problem =
                Problem::new(&path, format!("`{key}` beside {other}"), "only one of them");
            self.report(&self.places.key(&path), problem.help(help));
        }
    }
}
