//! The state machine as its file has it, with the questions the tests ask.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::template::{Template, root};

/// The numbers that the template fills in.
const NUMBERS: [&str; 2] = ["PollSeconds", "FunctionSeconds"];

/// `state-machine/deploy.asl.json`, with the defaults of the [`NUMBERS`] filled in.
pub struct Machine {
    pub body: Value,
    pub states: Vec<State>,
}

/// One state.
pub struct State {
    pub name: String,
    /// The Map state it is in.
    pub inside: Option<String>,
    pub body: Value,
}

pub fn text() -> String {
    fs::read_to_string(root().join("state-machine/deploy.asl.json")).unwrap()
}

impl Machine {
    pub fn load() -> Self {
        let template = Template::load();
        let filled = NUMBERS.iter().fold(text(), |text, name| {
            let default = template.parameter_default(name).to_string();
            text.replace(&format!("${{{name}}}"), &default)
        });
        let body: Value = serde_json::from_str(&filled).expect("the state machine is JSON");
        let mut states = Vec::new();
        collect(&body, None, &mut states);
        Self { body, states }
    }

    pub fn state(&self, name: &str) -> &State {
        let found = self.states.iter().find(|state| state.name == name);
        found.unwrap_or_else(|| panic!("no state {name}"))
    }

    pub fn tasks(&self) -> impl Iterator<Item = &State> {
        self.states.iter().filter(|state| state.kind() == "Task")
    }

    pub fn token_tasks(&self) -> impl Iterator<Item = &State> {
        self.tasks().filter(|state| state.waits_for_token())
    }

    /// Whether a state is in a Map, at whatever depth.
    pub fn is_inside(&self, state: &State, map: &str) -> bool {
        let outer = state.inside.as_deref();
        outer.is_some_and(|outer| outer == map || self.is_inside(self.state(outer), map))
    }

    /// The names reachable from `start` without leaving its scope, in order of discovery.
    /// States in `closed` are neither entered nor named.
    pub fn reach<'a>(&'a self, start: &'a str, closed: &[&str], edges: Edges) -> Vec<&'a str> {
        let mut seen = vec![start];
        let mut next = 0;
        while let Some(name) = seen.get(next).copied() {
            for to in self.state(name).successors(edges) {
                if !closed.contains(&to) && !seen.contains(&to) {
                    seen.push(to);
                }
            }
            next += 1;
        }
        seen
    }
}

/// Which ways out of a state count.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Edges {
    All,
    WithoutCatch,
}

impl State {
    pub fn kind(&self) -> &str {
        self.body["Type"].as_str().unwrap()
    }

    pub fn waits_for_token(&self) -> bool {
        self.body["Resource"] == "arn:aws:states:::lambda:invoke.waitForTaskToken"
    }

    /// `Lock` for a state that calls `${LockFunctionArn}`.
    pub fn function(&self) -> &str {
        let name = self.body["Arguments"]["FunctionName"].as_str().unwrap();
        let function = name
            .strip_prefix("${")
            .and_then(|name| name.strip_suffix("FunctionArn}"));
        function.unwrap_or_else(|| panic!("{}: FunctionName is {name}", self.name))
    }

    pub fn payload(&self) -> &Value {
        &self.body["Arguments"]["Payload"]
    }

    pub fn retriers(&self) -> &[Value] {
        self.body["Retry"].as_array().map_or(&[], Vec::as_slice)
    }

    pub fn catchers(&self) -> &[Value] {
        self.body["Catch"].as_array().map_or(&[], Vec::as_slice)
    }

    /// Where this state may lead.
    pub fn successors(&self, edges: Edges) -> Vec<&str> {
        let choices = self.body["Choices"]
            .as_array()
            .map_or(&[][..], Vec::as_slice);
        let catchers = if edges == Edges::All {
            self.catchers()
        } else {
            &[]
        };
        let next = choices.iter().chain(catchers).map(|rule| &rule["Next"]);
        let own = [&self.body["Next"], &self.body["Default"]];
        own.into_iter()
            .chain(next)
            .filter_map(Value::as_str)
            .collect()
    }
}

/// The error names of a retrier or catcher.
pub fn error_names(rule: &Value) -> BTreeSet<&str> {
    rule["ErrorEquals"]
        .as_array()
        .unwrap()
        .iter()
        .map(|name| name.as_str().unwrap())
        .collect()
}

fn collect(machine: &Value, inside: Option<&str>, states: &mut Vec<State>) {
    for (name, body) in machine["States"].as_object().unwrap() {
        let body = body.clone();
        if body["Type"] == "Map" {
            collect(&body["ItemProcessor"], Some(name), states);
        }
        states.push(State {
            name: name.clone(),
            inside: inside.map(str::to_owned),
            body,
        });
    }
}
