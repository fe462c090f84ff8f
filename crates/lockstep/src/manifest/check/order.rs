//! What a manifest says of the order of a rollout.

use std::collections::BTreeMap;

use super::Check;
use super::stacks::At;
use crate::manifest::error::Problem;
use crate::manifest::names::nearest;
use crate::manifest::places::join;
use crate::manifest::resolved::NamedEnvironment;
use crate::manifest::resolved_stack::in_order;
use crate::manifest::wording::quoted;

/// Who waits, where that stands in the manifest, and for whom.
struct Waits<'a> {
    name: &'a str,
    kind: &'static str,
    after: Vec<String>,
}

impl Check<'_> {
    /// `after` names what is rolled out, and never in a circle.
    pub(super) fn order(&mut self, named: &NamedEnvironment<'_>) {
        let all = waits(named);
        let known: Vec<&str> = all.iter().map(|it| it.name).collect();
        for one in &all {
            let at = At {
                named,
                kind: one.kind,
                name: one.name,
            };
            for other in one.after.iter().filter(|it| !known.contains(&it.as_str())) {
                let problem = unknown(named, other, one.name, &known);
                self.item(&at, "after", other, problem);
            }
        }
        let after: BTreeMap<_, _> = all
            .iter()
            .map(|it| (it.name.to_owned(), it.after.iter().cloned().collect()))
            .collect();
        let Err(circle) = in_order(&after) else {
            return;
        };
        let first = circle.first().copied().unwrap_or_default();
        let kind = all.iter().find(|it| it.name == first);
        let kind = kind.map_or("services", |it| it.kind);
        let path = self.places.first(named.written_in(kind, first, &["after"]));
        let path = path.unwrap_or_else(|| join(kind, first));
        let found = match circle.as_slice() {
            [only] => format!("{only} after itself"),
            all => format!("a circle: {} after {first}", all.join(" after ")),
        };
        let problem = Problem::new(&path, found, "an order in which they can be rolled out")
            .help("what should go live together needs no `after`");
        self.report(&self.places.key(&path), problem);
    }
}

fn waits<'a>(named: &NamedEnvironment<'a>) -> Vec<Waits<'a>> {
    let services = named.services().map(|(name, it)| Waits {
        name,
        kind: "services",
        after: it.after,
    });
    let functions = named.functions().map(|(name, it)| Waits {
        name,
        kind: "functions",
        after: it.after,
    });
    // A site that says nothing waits for all of them, which is never wrong.
    let sites = named.sites().map(|(name, it)| Waits {
        name,
        kind: "sites",
        after: it.after.unwrap_or_default(),
    });
    services.chain(functions).chain(sites).collect()
}

/// A name that is not rolled out in a wave.
fn unknown(named: &NamedEnvironment<'_>, other: &str, mine: &str, all: &[&str]) -> Problem {
    let known: Vec<&str> = all.iter().copied().filter(|it| *it != mine).collect();
    let expected = match known.as_slice() {
        [] => "nothing, because there is no other service, function or site".to_owned(),
        known => format!("one of: {}", known.join(", ")),
    };
    let comes_first = named.stacks().any(|(name, _)| name == other)
        || named.infrastructure().any(|(name, _)| name == other)
        || named.migrations().any(|(name, _)| name == other);
    let problem = Problem::new("", quoted(other), expected);
    if comes_first {
        let help =
            format!("{other} comes before all services, functions and sites anyway: leave it out");
        return problem.help(help);
    }
    match nearest(other, known) {
        Some(meant) => problem.help(format!("did you mean `{meant}`?")),
        None => problem,
    }
}
