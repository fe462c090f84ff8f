//! One resource that a manifest needs.

use std::collections::{BTreeMap, BTreeSet};

use lockstep::PhaseError;
use serde::Serialize;

/// Whether a resource is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// It is there.
    Found,
    /// It is there, but cannot be used as it is.
    Faulty,
    /// It is not there.
    Missing,
    /// It could not be looked at.
    Unknown,
}

/// One resource that a manifest needs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Resource {
    /// What it is, such as `log group`.
    pub kind: &'static str,
    /// Its name in AWS.
    pub name: String,
    /// The component of the manifest that needs it; `None` for what all of them share.
    pub component: Option<String>,
    /// Whether it is there.
    pub state: State,
    /// What was seen, in a few words; empty when there is nothing to say.
    pub note: String,
    /// What creates or mends it.
    pub todo: Option<String>,
}

/// What the templates of an environment's stacks declare, by type of resource: the manifest's
/// names of the stacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Creators(pub BTreeMap<String, BTreeSet<String>>);

impl Creators {
    /// The stacks whose templates declare a resource of one of these types.
    fn of(&self, types: &[&str]) -> BTreeSet<&str> {
        let stacks = types.iter().filter_map(|it| self.0.get(*it)).flatten();
        stacks.map(String::as_str).collect()
    }
}

impl Resource {
    /// A resource of which nothing is known yet.
    pub fn new(kind: &'static str, name: impl Into<String>, component: Option<&str>) -> Self {
        Self {
            kind,
            name: name.into(),
            component: component.map(str::to_owned),
            state: State::Unknown,
            note: String::new(),
            todo: None,
        }
    }

    /// It is there.
    #[must_use]
    pub fn found(mut self, note: impl Into<String>) -> Self {
        self.state = State::Found;
        self.note = note.into();
        self
    }

    /// It is there, but of no use.
    #[must_use]
    pub fn faulty(mut self, note: impl Into<String>, todo: impl Into<String>) -> Self {
        self.state = State::Faulty;
        self.note = note.into();
        self.todo = Some(todo.into());
        self
    }

    /// It is not there. What creates it is told when all stacks are known.
    #[must_use]
    pub const fn missing(mut self) -> Self {
        self.state = State::Missing;
        self
    }

    /// It could not be looked at.
    #[must_use]
    pub fn unknown(mut self, error: &PhaseError) -> Self {
        self.state = State::Unknown;
        self.note = error.to_string();
        self
    }

    /// What a look for it came to.
    #[must_use]
    pub fn looked(self, answer: Result<bool, PhaseError>) -> Self {
        match answer {
            Ok(true) => self.found(""),
            Ok(false) => self.missing(),
            Err(error) => self.unknown(&error),
        }
    }

    /// Says what creates it, if it is missing and that was not said yet.
    pub fn advise(&mut self, environment: &str, creators: &Creators) {
        if self.state != State::Missing || self.todo.is_some() {
            return;
        }
        let (types, otherwise) = self.creation();
        let stacks: Vec<_> = creators.of(types).into_iter().collect();
        self.todo = Some(if stacks.is_empty() {
            otherwise
        } else {
            let (what, verb) = match stacks.len() {
                1 => ("the template of stack", "declares"),
                _ => ("the templates of stacks", "declare"),
            };
            let stacks = stacks.join(", ");
            format!(
                "{what} {stacks} {verb} such a one: `lockstep deploy {environment}` creates it; else {otherwise}"
            )
        });
    }

    /// The types by which templates declare it, and what to do where none does.
    fn creation(&self) -> (&'static [&'static str], String) {
        let name = &self.name;
        let correct = "or correct its name in lockstep.yaml";
        match self.kind {
            "cluster" => (
                &["AWS::ECS::Cluster"],
                format!("create it: `aws ecs create-cluster --cluster-name {name}`, {correct}"),
            ),
            "service" => (
                &["AWS::ECS::Service"],
                format!("create it, best by a template under `stacks:`, {correct}"),
            ),
            "task definition" => (
                &["AWS::ECS::TaskDefinition"],
                "register it again, or put the service on one that exists".to_owned(),
            ),
            "role" => (
                &["AWS::IAM::Role"],
                "create it with a trust policy for ecs-tasks.amazonaws.com, or correct the task definition".to_owned(),
            ),
            "function role" => (
                &["AWS::IAM::Role", "AWS::Serverless::Function"],
                "create it with a trust policy for lambda.amazonaws.com, or give the function another role".to_owned(),
            ),
            "alarm" => (
                &["AWS::CloudWatch::Alarm", "AWS::CloudWatch::CompositeAlarm"],
                format!("create it, {correct}; without it nothing is put back by it"),
            ),
            "repository" => (
                &["AWS::ECR::Repository"],
                format!(
                    "create it: `aws ecr create-repository --repository-name {name}`, then push an image; {correct}"
                ),
            ),
            "log group" => (
                &["AWS::Logs::LogGroup"],
                format!(
                    "create it: `aws logs create-log-group --log-group-name {name}`; without it no task can start"
                ),
            ),
            "function" => (
                &["AWS::Lambda::Function", "AWS::Serverless::Function"],
                format!("create it, best by a template under `stacks:`, {correct}"),
            ),
            "alias" => (
                &["AWS::Lambda::Alias", "AWS::Serverless::Function"],
                "create it with `aws lambda create-alias`, or correct `alias` in lockstep.yaml".to_owned(),
            ),
            "topic" => (
                &["AWS::SNS::Topic"],
                format!("create it, {correct}; without it nobody is told of deployments"),
            ),
            "site bucket" => (
                &["AWS::S3::Bucket"],
                format!("create it: `aws s3 mb s3://{name}`, {correct}"),
            ),
            "distribution" => (
                &["AWS::CloudFront::Distribution"],
                format!(
                    "create it, best by a template under `stacks:` with its id as an output, {correct}"
                ),
            ),
            "bucket" => (
                &["AWS::S3::Bucket"],
                "update the controller's stack: it is part of it".to_owned(),
            ),
            _ => (&[], format!("create it, {correct}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Creators, Resource, State};

    #[test]
    fn what_is_missing_says_what_creates_it() {
        let creators = Creators(
            [(
                "AWS::Logs::LogGroup".to_owned(),
                ["app".to_owned(), "data".to_owned()].into(),
            )]
            .into(),
        );
        let told = |kind, name: &str| {
            let mut resource = Resource::new(kind, name, Some("web")).missing();
            resource.advise("production", &creators);
            resource.todo.unwrap()
        };
        assert_eq!(
            told("log group", "/shop/web"),
            "the templates of stacks app, data declare such a one: `lockstep deploy production` creates it; else create it: \
             `aws logs create-log-group --log-group-name /shop/web`; without it no task can start"
        );
        assert_eq!(
            told("cluster", "shop"),
            "create it: `aws ecs create-cluster --cluster-name shop`, or correct its name in lockstep.yaml"
        );
    }

    #[test]
    fn what_is_there_needs_no_advice() {
        let mut resource = Resource::new("cluster", "shop", None).looked(Ok(true));
        resource.advise("production", &Creators::default());
        assert_eq!((resource.state, resource.todo), (State::Found, None));
    }
}
