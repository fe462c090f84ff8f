//! Every function that the manifest means: what runs, what should run, and what is in the way.

use std::collections::BTreeMap;

use futures_util::{StreamExt as _, stream};
use lockstep::lambda::{
    FunctionChange, FunctionInputs, Known, LiveFunction, Member, artifact_of, members,
    missing_function, needs_listing, plan_function,
};
use lockstep::manifest::{ResolvedEnvironment, ResolvedFunction};
use lockstep::release::Artifacts;
use lockstep::{Check, Only, PhaseError};
use lockstep_lambda::Lambda;

/// How many functions are looked at at the same time; the budget of calls paces them.
const AT_ONCE: usize = 32;

/// The functions of one environment, and what is asked for them.
#[derive(Debug)]
pub(crate) struct Functions<'a> {
    pub(crate) lambda: Lambda,
    pub(crate) environment: &'a ResolvedEnvironment,
    /// The components that the deployment is about.
    pub(crate) only: &'a Only,
    /// The artifacts of this deployment.
    pub(crate) requested: &'a Artifacts,
    /// The artifacts of the last verified release.
    pub(crate) verified: &'a Artifacts,
}

/// The account's functions that were looked at already, for their tags.
type Seen = BTreeMap<String, LiveFunction>;

impl Functions<'_> {
    /// The functions that change, by component, and every check that failed.
    pub(crate) async fn plan(&self) -> Result<(Vec<FunctionChange>, Vec<Check>), PhaseError> {
        let entries = || self.environment.functions.iter();
        if !entries().any(|(name, entry)| self.is_asked(name, entry)) {
            return Ok((Vec::new(), Vec::new()));
        }
        let (known, seen) = match or_check(self.known().await)? {
            Ok(found) => found,
            Err(check) => return Ok((Vec::new(), vec![check])),
        };
        let (members, mut failed) = members(self.environment, self.only, &known);
        let planned = stream::iter(members)
            .filter(|(component, member)| {
                let asked = self.is_member_asked(component, member);
                async move { asked }
            })
            .map(async |(component, member)| self.member(&component, member, &seen).await)
            .buffered(AT_ONCE);
        let planned: Vec<_> = planned.collect().await;
        let mut changes = Vec::new();
        for one in planned {
            match one? {
                Ok(change) => changes.extend(change),
                Err(checks) => failed.extend(checks),
            }
        }
        Ok((changes, told_once(failed)))
    }

    /// Whether this deployment can change anything of an entry of the manifest: where it
    /// names no artifact for it and the manifest no settings, nobody has to look.
    fn is_asked(&self, name: &str, entry: &ResolvedFunction) -> bool {
        let of_entry = |component: &String| component.split('/').next() == Some(name);
        let is_named = || self.requested.keys().any(of_entry);
        self.only.has(name) && (!entry.configuration.is_empty() || is_named())
    }

    fn is_member_asked(&self, component: &str, member: &Member<'_>) -> bool {
        let artifact = artifact_of(self.requested, component);
        artifact.is_some() || !member.resolved.configuration.is_empty()
    }

    /// The account's functions, where there are groups; with their tags where those matter.
    async fn known(&self) -> Result<(Known, Seen), PhaseError> {
        let (listed, tagged) = needs_listing(self.environment);
        if !listed {
            return Ok((Known::new(), Seen::new()));
        }
        let names = self.lambda.names().await?;
        if !tagged {
            let untagged = |name| (name, BTreeMap::new());
            return Ok((names.into_iter().map(untagged).collect(), Seen::new()));
        }
        let looks = stream::iter(names)
            .map(async |name| self.lambda.tagged(&name).await)
            .buffered(AT_ONCE);
        let looks: Vec<_> = looks.collect().await;
        let mut seen = Seen::new();
        for live in looks {
            // One that was deleted since it was listed belongs to no group.
            seen.extend(live?.map(|live| (live.name.clone(), live)));
        }
        let tags = |(name, live): (&String, &LiveFunction)| (name.clone(), live.tags.clone());
        Ok((seen.iter().map(tags).collect(), seen))
    }

    async fn member(
        &self,
        component: &str,
        member: Member<'_>,
        seen: &Seen,
    ) -> Result<Result<Option<FunctionChange>, Vec<Check>>, PhaseError> {
        let facts = self.facts(member, seen).await;
        let (latest, alias, serving) = match or_check(facts)? {
            Ok(Some(facts)) => facts,
            Ok(None) => return Ok(Err(vec![missing_function(member.function)])),
            Err(check) => return Ok(Err(vec![check])),
        };
        Ok(plan_function(&FunctionInputs {
            component,
            resolved: member.resolved,
            artifact: artifact_of(self.requested, component),
            verified: artifact_of(self.verified, component),
            latest: &latest,
            alias: alias.as_ref(),
            serving: serving.as_ref(),
        }))
    }

    /// The function, its alias, and what the alias names; `None` when there is no function.
    async fn facts(&self, member: Member<'_>, seen: &Seen) -> Result<Option<Facts>, PhaseError> {
        let name = member.function;
        let latest = match seen.get(name) {
            Some(seen) => Some(seen.clone()),
            None => self.lambda.function(name, None).await?,
        };
        let (Some(latest), Some(alias)) = (&latest, &member.resolved.alias) else {
            return Ok(latest.map(|latest| (latest, None, None)));
        };
        let live = self.lambda.alias(name, alias).await?;
        let serving = match &live {
            Some(live) => self.lambda.function(name, Some(&live.version)).await?,
            None => None,
        };
        Ok(Some((latest.clone(), live, serving)))
    }
}

type Facts = (
    LiveFunction,
    Option<lockstep::lambda::LiveAlias>,
    Option<LiveFunction>,
);

/// What was refused for many functions in the same words, most often for want of one
/// permission, as one check: it names the first of them.
fn told_once(failed: Vec<Check>) -> Vec<Check> {
    let mut seen: Vec<(String, usize, Check)> = Vec::new();
    for check in failed {
        let name = check.resource.strip_prefix("function ").unwrap_or_default();
        let name = name.split(':').next().unwrap_or_default();
        let words = match name {
            "" => format!("{check}"),
            name => format!("{check}").replace(name, "*"),
        };
        match seen
            .iter_mut()
            .find(|it| check.what == ACCESS && it.0 == words)
        {
            Some((_, count, _)) => *count += 1,
            None => seen.push((words, 1, check)),
        }
    }
    let told = |(_, count, mut check): (String, usize, Check)| {
        if count > 1 {
            check.resource = format!("{} and {} more", check.resource, count - 1);
        }
        check
    };
    seen.into_iter().map(told).collect()
}

/// What is checked when a question is refused.
const ACCESS: &str = "access";

/// Turns an answer that was refused, most often for want of a permission, into a failed
/// check, so that it is listed with the others. Only what may pass by itself stays an error.
fn or_check<T>(answer: Result<T, PhaseError>) -> Result<Result<T, Check>, PhaseError> {
    let (resource, reason) = match answer {
        Ok(value) => return Ok(Ok(value)),
        Err(error) if error.is_transient() => return Err(error),
        Err(PhaseError::Rejected { resource, reason }) => (resource, reason),
        Err(other) => ("the check".into(), other.to_string()),
    };
    Ok(Err(Check {
        what: ACCESS.into(),
        resource,
        found: reason,
        expected: "an answer".into(),
        todo: "allow it with the parameter Functions of the lockstep stack".into(),
        curable: false,
    }))
}

#[cfg(test)]
mod tests;
