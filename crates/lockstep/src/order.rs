//! The order of a rollout: which components wait for which others, and the waves that come of it.
//!
//! What waits for nothing is rolled out first, all at the same time; then what waits for that, and
//! so on. Components that a deployment does not change hold nobody up, but what they wait for does.

use std::collections::{BTreeMap, BTreeSet};

use crate::lambda::{FunctionsStep, functions_step, too_large};
use crate::manifest::ResolvedEnvironment;
use crate::plan::{Change, Part, PartStep, Plan};

/// What a component waits for, by the manifest's names.
pub type After = BTreeMap<String, BTreeSet<String>>;

/// The waves of one plan.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Waves {
    waves: BTreeMap<String, u32>,
}

impl Waves {
    /// The waves of a part of a plan: those of the components that have a step in it.
    pub fn of(environment: &ResolvedEnvironment, part: &Part) -> Self {
        let components = part.steps.iter().flat_map(|step| names(&step.change));
        let changed: BTreeSet<&str> = components.collect();
        Self::of_components(&environment.after, &changed)
    }

    fn of_components(after: &After, changed: &BTreeSet<&str>) -> Self {
        let mut reached = BTreeMap::new();
        let wave = |name: &&str| {
            let order = Order { after, changed };
            ((*name).to_owned(), order.wave(name, &mut reached))
        };
        Self {
            waves: changed.iter().map(wave).collect(),
        }
    }

    /// The part with its functions in one step for each wave: they are changed together within one
    /// budget of calls, and each wave has its turn alone.
    #[must_use]
    pub fn split(&self, part: Part) -> Part {
        let mut split = Part {
            failed: part.failed,
            ..Part::default()
        };
        for step in part.steps {
            match step.change {
                Change::Functions(functions) => {
                    let steps = self.functions(*functions);
                    split.failed.extend(steps.iter().filter_map(too_large));
                    split.steps.extend(steps.into_iter().map(functions_step));
                }
                change => split.steps.push(PartStep { change, ..step }),
            }
        }
        // In the order in which they are rolled out, for people.
        split.steps.sort_by_key(|step| self.place(&step.change));
        split
    }

    /// Where a change stands: before the rollout, in one of its waves, or after it.
    fn place(&self, change: &Change) -> (u32, u32) {
        match change {
            Change::Contract(_) => (2, 0),
            change => match names(change).into_iter().map(|it| self.wave_of(it)).max() {
                Some(wave) => (1, wave),
                None => (0, 0),
            },
        }
    }

    /// The functions of each wave. What is published of all of them goes with the first step.
    fn functions(&self, all: FunctionsStep) -> Vec<FunctionsStep> {
        let mut waves: BTreeMap<u32, FunctionsStep> = BTreeMap::new();
        let empty = FunctionsStep {
            functions: Vec::new(),
            parameters: Vec::new(),
            ..all.clone()
        };
        for function in all.functions {
            let wave = self.wave_of(entry(&function.component));
            let step = waves.entry(wave).or_insert_with(|| empty.clone());
            step.functions.push(function);
        }
        let mut steps: Vec<_> = waves.into_values().collect();
        for step in &mut steps {
            let functions = &step.functions;
            let is_here = |name: &String| functions.iter().any(|it| entry(&it.component) == name);
            step.checks.retain(|name, _| is_here(name));
            if !functions.iter().any(|it| it.in_stages) {
                step.traffic = None;
            }
        }
        if let Some(first) = steps.first_mut() {
            first.parameters = all.parameters;
        }
        steps
    }

    /// The plan with the wave of each of its steps. Steps that are no rollout have none.
    #[must_use]
    pub fn told(&self, mut plan: Plan) -> Plan {
        for step in &mut plan.steps {
            step.wave = self.place(&step.change).1;
        }
        plan
    }

    fn wave_of(&self, component: &str) -> u32 {
        self.waves.get(component).copied().unwrap_or_default()
    }
}

/// Who waits for whom, and who is rolled out at all.
struct Order<'a> {
    after: &'a After,
    changed: &'a BTreeSet<&'a str>,
}

impl<'a> Order<'a> {
    /// The wave of a component that is rolled out: the first one in which nothing is left to wait
    /// for.
    fn wave(&self, name: &str, reached: &mut BTreeMap<&'a str, u32>) -> u32 {
        let after = self.after.get(name).into_iter().flatten();
        let ready = after.map(|other| self.ready(other, reached));
        ready.max().unwrap_or_default()
    }

    /// The first wave for those that wait for a component. One that is not rolled out is passed
    /// by: what it waits for counts for them, too.
    fn ready(&self, name: &'a str, reached: &mut BTreeMap<&'a str, u32>) -> u32 {
        if let Some(known) = reached.get(name) {
            return *known;
        }
        // A manifest with a circle was refused; where one is, it must not be gone round for ever.
        reached.insert(name, 0);
        let wave = self.wave(name, reached);
        let ready = wave + u32::from(self.changed.contains(name));
        reached.insert(name, ready);
        ready
    }
}

/// The components that are rolled out by a change.
fn names(change: &Change) -> Vec<&str> {
    match change {
        Change::Service(step) => vec![step.component.as_str()],
        Change::Functions(step) => {
            let functions = step.functions.iter();
            functions.map(|it| entry(&it.component)).collect()
        }
        Change::Site(step) => vec![step.component.as_str()],
        Change::Stack(_)
        | Change::InfrastructureBuild(_)
        | Change::Migrate(_)
        | Change::Contract(_)
        | Change::GateBefore(_)
        | Change::GateAfter(_)
        | Change::ImageBuild(_) => Vec::new(),
    }
}

/// The manifest's name of a function, or of the group that it is a member of.
fn entry(component: &str) -> &str {
    component.split('/').next().unwrap_or(component)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::{After, Waves};

    /// `web: api db` says that web waits for api and db.
    fn after(lines: &[&str]) -> After {
        let line = |line: &&str| {
            let (name, others) = line.split_once(':').unwrap_or((line, ""));
            let others = others.split_whitespace().map(str::to_owned);
            (name.to_owned(), others.collect())
        };
        lines.iter().map(line).collect()
    }

    fn waves(lines: &[&str], changed: &str) -> String {
        let changed: BTreeSet<&str> = changed.split_whitespace().collect();
        let waves = Waves::of_components(&after(lines), &changed).waves;
        let told: Vec<_> = waves
            .iter()
            .map(|(name, wave)| format!("{name}{wave}"))
            .collect();
        told.join(" ")
    }

    #[test]
    fn each_wave_begins_when_all_that_it_waits_for_is_done() {
        for (lines, changed, expected) in [
            (&[][..], "a b", "a0 b0"),
            (&["b: a"], "a b", "a0 b1"),
            (&["c: a b", "b: a"], "a b c", "a0 b1 c2"),
            (&["d: b c", "b: a", "c: a"], "a b c d", "a0 b1 c1 d2"),
            // What stays as it is holds nobody up.
            (&["b: a"], "b", "b0"),
            (&["c: b", "b: a"], "b c", "b0 c1"),
            // What it waits for does.
            (&["c: b", "b: a"], "a c", "a0 c1"),
            (&["d: c", "c: b", "b: a"], "a d", "a0 d1"),
            (&["a: gone"], "a", "a0"),
        ] {
            assert_eq!(waves(lines, changed), expected, "{lines:?}");
        }
    }

    #[test]
    fn a_circle_is_not_gone_round_for_ever() {
        assert_eq!(waves(&["a: b", "b: a"], "a b").len(), "a0 b1".len());
        assert_eq!(waves(&["a: a"], "a").len(), 2);
    }
}
