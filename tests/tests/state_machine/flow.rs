//! The flow: what follows what.

use std::collections::BTreeSet;

use lockstep::verdict::Verdict;
use serde_json::Value;

use crate::machine::{Edges, Machine, State};

/// Sending a message, waking a neighbour or tidying up never changes what happens next.
const MAY_FAIL: [&str; 8] = [
    "AnnounceMigrations",
    "AnnounceInfrastructure",
    "AnnounceStart",
    "AnnounceQuestion",
    "AnnounceUndo",
    "Notify",
    "WakeNext",
    "Prune",
];

#[test]
fn every_state_can_be_reached() {
    let machine = Machine::load();
    let starts = machine
        .states
        .iter()
        .filter_map(|state| state.body["ItemProcessor"]["StartAt"].as_str());
    let starts = starts.chain(machine.body["StartAt"].as_str());
    let reached: BTreeSet<_> = starts
        .flat_map(|start| machine.reach(start, &[], Edges::All))
        .collect();
    let all: BTreeSet<_> = machine
        .states
        .iter()
        .map(|state| state.name.as_str())
        .collect();
    assert_eq!(reached, all);
}

#[test]
fn no_way_leaves_its_map() {
    let machine = Machine::load();
    for state in &machine.states {
        for next in state.successors(Edges::All) {
            assert_eq!(
                machine.state(next).inside,
                state.inside,
                "{} -> {next}",
                state.name
            );
        }
    }
}

#[test]
fn every_way_from_the_lock_ends_in_conclude() {
    let machine = Machine::load();
    for start in ["Lock", "AnnounceUndo"] {
        for name in machine.reach(start, &["Conclude"], Edges::All) {
            let kind = machine.state(name).kind();
            assert!(
                !matches!(kind, "Succeed" | "Fail"),
                "{start} leads to {name} past Conclude"
            );
        }
    }
}

#[test]
fn every_failure_leads_to_undo_or_to_conclude() {
    let machine = Machine::load();
    let undo = machine.reach("AnnounceUndo", &["Conclude"], Edges::All);
    for state in &machine.states {
        for next in state
            .catchers()
            .iter()
            .map(|catcher| catcher["Next"].as_str().unwrap())
        {
            let allowed = match &state.inside {
                Some(_) => machine.state(next).kind() == "Pass",
                None if MAY_FAIL.contains(&state.name.as_str()) => state.body["Next"] == next,
                None if state.name == "GatesBefore" => next == "StopGates",
                None if state.name == "Builds" => next == "StopBuilds",
                None => next == "Conclude" || undo.contains(&next),
            };
            assert!(allowed, "{}: a failure leads to {next}", state.name);
        }
    }
}

#[test]
fn a_phase_that_may_have_changed_something_is_undone_itself() {
    let machine = Machine::load();
    for name in machine.reach(
        "SeedLive",
        &["AnnounceUndo", "Conclude", "Contracts"],
        Edges::WithoutCatch,
    ) {
        let changes = !MAY_FAIL.contains(&name);
        for catcher in machine.state(name).catchers().iter().filter(|_| changes) {
            assert_eq!(catcher["Next"], "AnnounceUndo", "{name}");
        }
    }
}

#[test]
fn undo_is_the_exact_reverse_of_do() {
    let machine = Machine::load();
    let ends = ["AnnounceUndo", "Conclude", "Contracts"];
    let chain = |start| machine.reach(start, &ends, Edges::WithoutCatch);
    let done = changes(&machine, &chain("AnnounceInfrastructure"), "do");
    let mut undone = changes(&machine, &chain("AnnounceUndo"), "undo");
    undone.reverse();
    assert!(!done.is_empty());
    assert_eq!(done, undone);
    for map in [
        "Builds",
        "StopBuilds",
        "GatesBefore",
        "StopGates",
        "Stacks",
        "Migrations",
        "Rollout",
        "GatesAfter",
        "Contracts",
        "UndoWave",
    ] {
        let item = &machine.state(map).body["ItemSelector"];
        for field in ["step", "phase"] {
            let value = format!("{{% $states.context.Map.Item.Value.{field} %}}");
            assert_eq!(item[field], value, "{map}");
        }
    }
}

/// What runs is rolled out wave by wave, and put back the same way, the last wave first.
/// Stacks are put back after everything else, one at a time.
#[test]
fn stacks_are_put_back_last_and_one_at_a_time() {
    let machine = Machine::load();
    let field = |state: &str, name: &str| machine.state(state).body[name].clone();
    assert_eq!(
        field("Stacks", "Items"),
        "{% [$steps[phase in ['stack', 'infrastructure-build']]] %}"
    );
    assert_eq!(field("Stacks", "MaxConcurrency"), 1);
    assert_eq!(
        field("Rollout", "Items"),
        "{% [$steps[phase in ['service', 'functions', 'site']][($exists(wave) ? wave : 0) = $wave]] %}"
    );
    assert_eq!(
        field("UndoRollout", "Items"),
        "{% [$reverse([0..$max($append([0], $steps.wave))]).($w := $; {'steps': [$reverse($steps)[$not(phase in ['stack', 'infrastructure-build', 'migrate', 'contract'])][($exists(wave) ? wave : 0) = $w]]}), $steps[parameters = true][0].{'steps': [{'step': step, 'phase': 'parameters'}]}, $reverse($steps)[phase = 'migrate'].{'steps': [$]}, $reverse($steps)[phase in ['stack', 'infrastructure-build']].{'steps': [$]}, $steps[phase in ['stack', 'infrastructure-build']][0].{'steps': [{'step': step, 'phase': 'seed'}]}] %}"
    );
    assert_eq!(field("UndoRollout", "MaxConcurrency"), 1);
    assert_eq!(field("UndoWave", "Items"), "{% $states.input.steps %}");
    assert_eq!(
        field("UndoWave", "MaxConcurrency"),
        field("Rollout", "MaxConcurrency")
    );
    // A wave that breaks does not keep the next one from being put back.
    let caught = &machine.state("UndoWave").catchers()[0]["Next"];
    assert_eq!(caught, "WaveNotRestored");
    assert_eq!(field("WaveNotRestored", "End"), true);
}

/// One Map is gone round once for each wave. A failure ends that, and traffic is shifted before what
/// comes after the functions.
#[test]
fn a_wave_begins_when_the_one_before_it_is_done() {
    let machine = Machine::load();
    assert_eq!(machine.state("Trigger").body["Assign"]["wave"], 0);
    let rollout = &machine.state("Rollout").body;
    assert_eq!(rollout["Assign"]["wave"], "{% $wave + 1 %}");
    assert_eq!(rollout["Next"], "RolloutSettled");
    let ways = |state: &str| -> Vec<(String, String)> {
        let choices = machine.state(state).body["Choices"]
            .as_array()
            .unwrap()
            .clone();
        let text = |choice: &serde_json::Value, key: &str| choice[key].as_str().unwrap().to_owned();
        let way = |it: &serde_json::Value| (text(it, "Next"), text(it, "Condition"));
        choices.iter().map(way).collect()
    };
    let settled = ways("RolloutSettled");
    let order: Vec<_> = settled.iter().map(|(next, _)| next.as_str()).collect();
    assert_eq!(order, ["AnnounceUndo", "Traffic", "Rollout"]);
    let more = "$count($steps[wave >= $wave]) > 0";
    assert_eq!(settled[2].1, format!("{{% {more} %}}"));
    let shifted = ways("TrafficShifted");
    assert_eq!(shifted[0].0, "Rollout");
    assert!(shifted[0].1.contains(more) && shifted[0].1.contains("'passed'"));
    assert_eq!(shifted[1].0, "Verify");
    assert_eq!(machine.state("RolloutSettled").body["Default"], "Verify");
}

/// The functions by which a chain changes the world, in order: all of one set at the same time.
/// A Map of waves has two: everything, then stacks.
fn changes<'a>(machine: &'a Machine, chain: &[&str], verb: &str) -> Vec<BTreeSet<&'a str>> {
    // In the order of the file: a way around a state can be found before the way through it.
    let maps = machine.states.iter().filter(|state| state.kind() == "Map");
    let maps = maps.map(|state| state.name.as_str());
    let maps = maps.filter(|name| chain.contains(name));
    let mut sets = Vec::new();
    for map in maps {
        // A gate changes nothing.
        let tasks = machine
            .token_tasks()
            .filter(|task| machine.is_inside(task, map) && task.function() != "Gate");
        let (stacks, rest): (Vec<_>, Vec<_>) =
            tasks.partition(|task| task.function().starts_with("Infrastructure"));
        let is_migration = |task: &&State| task.function() == "Migrate";
        let (migrations, rest): (Vec<_>, Vec<_>) = rest.into_iter().partition(is_migration);
        for task in stacks.iter().chain(&rest).chain(&migrations) {
            assert_eq!(task.payload()["verb"], verb, "{}", task.name);
        }
        for tasks in [rest, migrations, stacks]
            .into_iter()
            .filter(|tasks| !tasks.is_empty())
        {
            sets.push(tasks.into_iter().map(State::function).collect());
        }
    }
    sets
}

/// What templates read is put back after the functions, whether those are back or not, and what
/// became of them is passed on.
#[test]
fn what_templates_read_is_put_back_whatever_became_of_the_functions() {
    let machine = Machine::load();
    let undo = machine.state("UndoFunction");
    assert_eq!(undo.body["Next"], "UndoPublishLive");
    let [caught] = undo.catchers() else {
        panic!("{:?}", undo.catchers())
    };
    let failed = machine.state(caught["Next"].as_str().unwrap());
    assert_eq!(failed.body["Next"], "UndoPublishLive");
    let live = machine.state("UndoPublishLive");
    assert_eq!(live.body["Output"], "{% $states.input %}");
    assert_eq!(live.payload()["verb"], "undo");
    assert_eq!(machine.state("PublishLive").payload()["verb"], "do");
}

/// The team is told of a question once, on the way to the wait that every look takes; a message
/// that cannot be sent takes the same way, with the time until the next look.
#[test]
fn a_question_is_told_on_the_way_to_the_next_look() {
    let machine = Machine::load();
    let rules = machine.state("TrafficShifted").body["Choices"].clone();
    assert_eq!(
        rules[2]["Condition"],
        "{% $type($states.input.asking) = 'string' %}"
    );
    assert_eq!(rules[2]["Next"], "AnnounceQuestion");
    let announce = machine.state("AnnounceQuestion");
    let [caught] = announce.catchers() else {
        panic!("{:?}", announce.catchers())
    };
    for end in [&announce.body, caught] {
        assert_eq!(end["Next"], "TrafficWait");
        assert_eq!(
            end["Output"]["wait_seconds"],
            "{% $states.input.wait_seconds %}"
        );
    }
}

/// Code for functions that a stack creates is there before the stacks, and is taken away after
/// them; only a failure of that is told.
#[test]
fn code_for_new_stacks_comes_first_and_goes_last() {
    let machine = Machine::load();
    assert_eq!(
        machine.state("AnnounceInfrastructure").body["Next"],
        "SeedLive"
    );
    let seed = machine.state("SeedLive");
    assert_eq!(seed.body["Next"], "Stacks");
    assert_eq!(seed.payload()["verb"], "seed");
    let undo = machine.state("UndoSeedLive");
    assert_eq!(undo.payload()["verb"], "unseed");
    assert_eq!(undo.body["Output"], serde_json::json!({}));
    let told = machine.state("UndoRollout").body["Assign"]["undo"].clone();
    assert!(
        told.as_str().unwrap().contains("results[$exists(step)]"),
        "{told}"
    );
}

/// What other stacks were told is put back after what runs, and only a failure of that is told.
#[test]
fn parameters_for_other_stacks_are_put_back() {
    let machine = Machine::load();
    let undo = machine.state("UndoParameters");
    assert_eq!(undo.payload()["verb"], "withdraw");
    assert_eq!(undo.body["Output"], serde_json::json!({}));
    for state in ["UndoParameters", "UndoSeedLive"] {
        let [caught] = machine.state(state).catchers() else {
            panic!("{state}")
        };
        assert_eq!(caught["Next"], "StepNotRestored", "{state}");
    }
}

/// A deployment that changes no functions, and tells other stacks nothing, does not pay for it.
#[test]
fn only_what_others_read_is_published() {
    let machine = Machine::load();
    let ways = |state: &str| -> Vec<_> {
        let rules = machine.state(state).body["Choices"].as_array().unwrap();
        let of_rule = |rule: &Value| {
            let text = |field: &str| rule[field].as_str().unwrap().to_owned();
            (text("Next"), text("Condition"))
        };
        rules.iter().map(of_rule).collect()
    };
    let passed = "$states.input.status = 'passed'";
    let has = |kind: &str| format!("$exists($steps[phase = '{kind}'])");
    let contract = has("contract");
    let functions = format!(
        "({} or $exists($steps[parameters = true]))",
        has("functions")
    );
    let gates = has("gate-after");
    let conditions = [
        ("PublishLiveFirst", format!("{contract} and {functions}")),
        ("Contracts", contract.clone()),
        ("PublishLive", functions.clone()),
    ];
    let verified = [("GatesAfter", gates)];
    let verified = verified.iter().chain(&conditions);
    let mut verified: Vec<_> = verified
        .map(|(next, when)| ((*next).to_owned(), format!("{{% {passed} and {when} %}}")))
        .collect();
    verified.push(("Conclude".to_owned(), format!("{{% {passed} %}}")));
    assert_eq!(ways("Verified"), verified);
    // Behind the gates it goes on in the same ways.
    let plain = |condition: &str| {
        let inner = condition
            .strip_prefix('(')
            .and_then(|it| it.strip_suffix(')'));
        format!("{{% {} %}}", inner.unwrap_or(condition))
    };
    let settled = conditions.iter().map(|(next, when)| {
        let when = if *next == "PublishLive" {
            plain(when)
        } else {
            format!("{{% {when} %}}")
        };
        ((*next).to_owned(), when)
    });
    let failed = (
        "AnnounceUndo".to_owned(),
        "{% $type($failure) = 'object' %}".to_owned(),
    );
    let settled: Vec<_> = std::iter::once(failed).chain(settled).collect();
    assert_eq!(ways("GatesAfterSettled"), settled);
    assert_eq!(
        machine.state("GatesAfterSettled").body["Default"],
        "Conclude"
    );
}

/// Nothing is changed where a gate fails before, and everything is put back where one fails
/// afterwards. The builds of the others are stopped.
#[test]
fn gates_come_before_everything_and_after_verification() {
    let machine = Machine::load();
    for (map, phase, failed) in [
        ("GatesBefore", "gate-before", "StopGates"),
        ("GatesAfter", "gate-after", "AnnounceUndo"),
    ] {
        let state = machine.state(map);
        assert_eq!(
            state.body["Items"],
            format!("{{% [$steps[phase = '{phase}']] %}}")
        );
        assert_eq!(state.body["MaxConcurrency"], 10);
        assert_eq!(state.catchers()[0]["Next"], failed);
        assert_eq!(state.catchers()[0]["Assign"]["failure"]["phase"], phase);
        let settled = machine.state(state.body["Next"].as_str().unwrap());
        assert_eq!(settled.body["Choices"][0]["Next"], failed);
    }
    let stop = machine.state("StopGates");
    assert_eq!(
        stop.body["Items"],
        machine.state("GatesBefore").body["Items"]
    );
    assert_eq!(stop.body["Next"], "Conclude");
    assert_eq!(stop.body.get("Assign"), None, "nothing was put back");
    // Behind the gates it goes on as behind a plan without any.
    let ways = |state: &str| {
        let rules = machine.state(state).body["Choices"]
            .as_array()
            .unwrap()
            .clone();
        let next = rules
            .into_iter()
            .map(|rule| (rule["Condition"].clone(), rule["Next"].clone()));
        next.collect::<Vec<_>>()
    };
    let (plan, gates) = (ways("HasSteps"), ways("GatesBeforeSettled"));
    assert_eq!(plan[5..7], gates[1..]);
    assert_eq!(
        plan[7].1,
        machine.state("GatesBeforeSettled").body["Default"]
    );
}

/// Images are built under the lock and before the plan; where one fails, and where the execution was
/// stopped meanwhile, the builds are stopped, and nothing was changed.
#[test]
fn images_are_built_before_anything_is_planned() {
    let machine = Machine::load();
    let first = &machine.state("HasSteps").body["Choices"][0];
    assert_eq!(first["Next"], "PlanBuilds");
    assert_eq!(first["Condition"], "{% 'builds' in $states.input.needs %}");
    let plan = machine.state("PlanBuilds");
    assert_eq!(plan.body["Next"], "Builds");
    assert_eq!(plan.catchers()[0]["Next"], "Conclude");
    let builds = machine.state("Builds");
    assert_eq!(builds.body["Items"], "{% $builds %}");
    assert_eq!(builds.body["MaxConcurrency"], 10);
    assert_eq!(builds.body["Next"], "BuildsSettled");
    assert_eq!(builds.catchers()[0]["Next"], "StopBuilds");
    let settled = machine.state("BuildsSettled");
    assert_eq!(settled.body["Choices"][0]["Next"], "StopBuilds");
    assert_eq!(settled.body["Default"], "Plan");
    let stop = machine.state("StopBuilds");
    assert_eq!(stop.body["Items"], "{% $builds %}");
    assert_eq!(stop.body["Next"], "Conclude");
    assert_eq!(stop.body.get("Assign"), None, "nothing was put back");
    let rules = machine.state("Route").body["Choices"].clone();
    let mut rules = rules.as_array().unwrap().iter();
    let stops = rules.find(|rule| rule["Next"] == "StopBuilds").unwrap();
    assert_eq!(
        stops["Condition"],
        "{% $states.input.action = 'conclude' and $count($builds) > 0 %}"
    );
    assert_eq!(rules.next().unwrap()["Next"], "Conclude");
}

/// Nothing is put back behind a contract: it comes last, and a recovery of a deployment that had
/// begun with one finishes it.
#[test]
fn nothing_goes_back_behind_a_contract() {
    let machine = Machine::load();
    let contracts = machine.state("Contracts");
    assert_eq!(contracts.body["Next"], "Conclude");
    assert_eq!(contracts.catchers()[0]["Next"], "Conclude");
    let failure = &contracts.catchers()[0]["Assign"]["failure"]["phase"];
    assert_eq!(failure, "contract");
    assert_eq!(machine.state("PublishLiveFirst").body["Next"], "Contracts");
    let (first, last) = (
        machine.state("PublishLiveFirst"),
        machine.state("PublishLive"),
    );
    assert_eq!(first.payload(), last.payload());
    let rules = machine.state("Route").body["Choices"].clone();
    let rule = rules.as_array().unwrap();
    let rule = rule.iter().find(|rule| rule["Next"] == "Contracts");
    assert_eq!(
        rule.unwrap()["Condition"],
        "{% $states.input.action = 'contract' %}"
    );
    for (map, items) in [("Migrations", "migrate"), ("Contracts", "contract")] {
        let map = machine.state(map);
        assert_eq!(
            map.body["Items"],
            format!("{{% [$steps[phase = '{items}']] %}}")
        );
        assert_eq!(map.body["MaxConcurrency"], 1);
    }
}

/// Each kind of change has its state in both Maps; what is not known fails, and says so.
#[test]
fn each_phase_of_a_step_has_its_state() {
    let machine = Machine::load();
    let phases = [
        ("service", "Service"),
        ("functions", "Function"),
        ("site", "Site"),
        ("migrate", "Migrate"),
        ("gate-before', 'gate-after", "Gate"),
        ("stack", "Infrastructure"),
        ("infrastructure-build", "InfrastructureBuild"),
        ("seed", "SeedLive"),
        ("parameters", "Parameters"),
    ];
    // Stacks are changed before, in a Map of their own, and the code that they need before that.
    for (choice, undo, unknown, phases) in [
        ("StepPhase", "", "UnknownPhase", &phases[..3]),
        (
            "InfrastructurePhase",
            "",
            "UnknownInfrastructurePhase",
            &phases[5..7],
        ),
        ("UndoStepPhase", "Undo", "UnknownPhaseToUndo", &phases[..]),
    ] {
        let state = machine.state(choice);
        let rules = state.body["Choices"].as_array().unwrap();
        assert_eq!(rules.len(), phases.len(), "{choice}");
        for (rule, (phase, function)) in rules.iter().zip(phases) {
            let condition = if phase.contains(',') {
                format!("{{% $states.input.phase in ['{phase}'] %}}")
            } else {
                format!("{{% $states.input.phase = '{phase}' %}}")
            };
            assert_eq!(rule["Condition"], condition, "{choice}");
            assert_eq!(rule["Next"], format!("{undo}{function}"), "{choice}");
        }
        assert_eq!(state.body["Default"], unknown, "{choice}");
    }
}

/// CloudFront takes minutes and tells nobody: it is asked every few seconds, not every second.
#[test]
fn cloudfront_is_asked_every_few_seconds() {
    let machine = Machine::load();
    for state in ["Site", "UndoSite"] {
        let retries = machine.state(state).body["Retry"].as_array().unwrap();
        let again = retries
            .iter()
            .find(|it| it["ErrorEquals"][0] == "Continue")
            .unwrap();
        assert_eq!(again["IntervalSeconds"], 3, "{state}");
    }
}

/// Where no stack changes there is one plan, and nothing is visited that is about stacks.
#[test]
fn a_deployment_without_stacks_does_not_pay_for_them() {
    let machine = Machine::load();
    let rules = machine.state("HasSteps").body["Choices"]
        .as_array()
        .unwrap();
    let ways: Vec<_> = rules
        .iter()
        .map(|rule| {
            (
                rule["Condition"].as_str().unwrap(),
                rule["Next"].as_str().unwrap(),
            )
        })
        .collect();
    let expected = [
        ("{% 'builds' in $states.input.needs %}", "PlanBuilds"),
        (
            "{% 'infrastructure' in $states.input.needs %}",
            "PlanInfrastructure",
        ),
        ("{% 'stacks' in $states.input.needs %}", "PlanStacks"),
        (
            "{% $type($states.input.needs) = 'array' %}",
            "PlanFunctions",
        ),
        (
            "{% $exists($steps[phase = 'gate-before']) %}",
            "GatesBefore",
        ),
        (
            "{% $exists($steps[phase in ['stack', 'infrastructure-build']]) %}",
            "AnnounceInfrastructure",
        ),
        (
            "{% $exists($steps[phase = 'migrate']) %}",
            "AnnounceMigrations",
        ),
        ("{% $count($steps) > 0 %}", "AnnounceStart"),
    ];
    assert_eq!(ways, expected);
    let without = machine.reach("AnnounceStart", &[], Edges::All);
    for state in [
        "SeedLive",
        "Stacks",
        "PlanStacks",
        "PlanRollout",
        "Migrations",
    ] {
        assert!(!without.contains(&state), "{state}");
    }
}

/// Before the stacks were changed a plan that fails ends the deployment; afterwards it puts them
/// back.
#[test]
fn each_plan_fails_to_where_it_belongs() {
    let machine = Machine::load();
    let plans = [
        ("Plan", "first", "Conclude"),
        ("PlanFunctions", "first", "Conclude"),
        ("PlanRollout", "rollout", "AnnounceUndo"),
        ("PlanRolloutFunctions", "rollout", "AnnounceUndo"),
    ];
    for (name, stage, next) in plans {
        let state = machine.state(name);
        assert_eq!(state.payload()["stage"], stage, "{name}");
        assert_eq!(state.catchers()[0]["Next"], next, "{name}");
        assert_eq!(
            state.catchers()[0]["Assign"]["failure"]["phase"],
            "plan",
            "{name}"
        );
    }
    let stacks = machine.state("PlanStacks").catchers();
    assert_eq!(stacks[0]["Next"], "Conclude");
}

#[test]
fn the_last_choice_knows_every_good_verdict() {
    let machine = Machine::load();
    let rules = machine.state("Verdict").body["Choices"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["Next"] == "Succeeded");
    let condition = rule.unwrap()["Condition"].as_str().unwrap();
    for verdict in Verdict::ALL {
        let succeeds = condition.contains(&format!("'{verdict}'"));
        assert_eq!(succeeds, verdict.is_good(), "{verdict}");
        let ending = if succeeds { "Succeeded" } else { "Failed" };
        let comment = machine.state(ending).body["Comment"].as_str().unwrap();
        assert!(
            comment.contains(verdict.as_str()),
            "{ending} does not mention {verdict}"
        );
    }
}

#[test]
fn every_state_explains_itself() {
    for state in Machine::load().states {
        let comment = state.body["Comment"].as_str().unwrap_or_default();
        assert!(
            comment.ends_with('.') && comment.len() >= 30,
            "{}: {comment:?}",
            state.name
        );
    }
}
