//! Which AWS calls a tool makes.

use std::collections::BTreeMap;
use std::time::Duration;

use lockstep_cli::local::gateway::Call;

use crate::stats::milliseconds;

/// One line a caller: how many calls, which ones, and how long the emulator took for all of them.
pub fn lines<'c>(tool: &str, calls: impl IntoIterator<Item = &'c Call>) -> Vec<Vec<String>> {
    let mut callers: BTreeMap<&str, Vec<&Call>> = BTreeMap::new();
    for call in calls {
        callers.entry(&call.name.caller).or_default().push(call);
    }
    let line = |(caller, calls): (&str, Vec<&Call>)| {
        let time: Duration = calls.iter().map(|call| call.duration).sum();
        vec![
            tool.to_owned(),
            caller.to_owned(),
            calls.len().to_string(),
            operations(&calls),
            milliseconds(time),
        ]
    };
    callers.into_iter().map(line).collect()
}

fn operations(calls: &[&Call]) -> String {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for call in calls {
        let name = format!("{}:{}", call.name.service, call.name.operation);
        *counts.entry(name).or_default() += 1;
    }
    let words = counts.iter().map(|(name, count)| match count {
        1 => name.clone(),
        _ => format!("{name} ×{count}"),
    });
    words.collect::<Vec<_>>().join(", ")
}
