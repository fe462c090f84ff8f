//! A small ECS: one service, its revisions, its rollouts.

use std::sync::{Arc, Mutex};

use aws_sdk_ecs::Client;
use aws_sdk_ecs::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_http_client::test_util::infallible_client_fn;
use aws_smithy_types::body::SdkBody;
use lockstep::ecs::ServiceStep;
use serde_json::{Value, json};

const PLANNED: i64 = 1_700_000_000;

/// What becomes of a rollout of a new revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It is completed at the second look.
    Completes,
    /// One more task crashes at every look.
    Crashes,
    /// ECS gives up at the second look and goes back.
    RolledBackByEcs,
    /// Somebody else deploys right after our registration.
    ForeignAfterRegistration,
}

/// How a call fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing happened.
    FailsBeforeActing,
    /// It happened, and the answer was lost.
    LosesTheAnswer,
    /// AWS had no time.
    Throttled,
}

impl Fault {
    pub(crate) const ALL: [Self; 3] = [
        Self::FailsBeforeActing,
        Self::LosesTheAnswer,
        Self::Throttled,
    ];
}

#[derive(Clone)]
pub(crate) struct FakeEcs(Arc<Mutex<State>>);

struct State {
    behaviour: Behaviour,
    revisions: Vec<(Value, Value)>,
    service: Value,
    tasks: Vec<Value>,
    asked: Vec<(String, Value)>,
    calls: usize,
    fault: Option<(usize, usize, Fault)>,
}

pub(crate) fn arn(number: usize) -> String {
    format!("arn:aws:ecs:eu-west-1:123456789012:task-definition/web:{number}")
}

fn image(letter: &str) -> String {
    format!(
        "123456789012.dkr.ecr.eu-west-1.amazonaws.com/quiz/web@sha256:{}",
        letter.repeat(64)
    )
}

/// The step from `web:7` to image `b`.
pub(crate) fn step() -> ServiceStep {
    let settings = |percent: u32, enable: bool| {
        json!({
            "maximumPercent": percent, "minimumHealthyPercent": 100,
            "deploymentCircuitBreaker": {"enable": enable, "rollback": enable},
        })
    };
    serde_json::from_value(json!({
        "deployment": "01D", "application": "quiz", "environment": "development", "component": "web",
        "cluster": "quiz", "service": "web", "service_arn": "arn:aws:ecs:eu-west-1:123456789012:service/quiz/web",
        "before": {
            "task_definition": arn(7), "serving": true, "images": {"web": image("a")},
            "deployment_configuration": settings(250, false), "health_check_grace_seconds": 5,
        },
        "after": {
            "task_definition": {
                "family": "web", "containerDefinitions": [{"name": "web", "image": image("b")}],
                "tags": [{"key": "lockstep:deployment", "value": "01D"}],
            },
            "deployment_configuration": settings(200, true), "health_check_grace_seconds": 60,
        },
        "stopped_tasks": 2, "timeout_seconds": 60, "planned_at": "2023-11-14T22:13:20Z",
    }))
    .unwrap()
}

impl FakeEcs {
    pub(crate) fn new(behaviour: Behaviour) -> Self {
        let before = step().before;
        let mut state = State {
            behaviour,
            revisions: Vec::new(),
            service: json!({
                "serviceName": "web", "status": "ACTIVE", "desiredCount": 1,
                "clusterArn": "arn:aws:ecs:eu-west-1:123456789012:cluster/quiz",
                "loadBalancers": [{"targetGroupArn": "tg"}],
                "deploymentConfiguration": before.settings.deployment_configuration,
                "healthCheckGracePeriodSeconds": before.settings.health_check_grace_seconds,
                "taskDefinition": arn(7),
                "deployments": [deployment(7, "PRIMARY", "COMPLETED")],
            }),
            tasks: Vec::new(),
            asked: Vec::new(),
            calls: 0,
            fault: None,
        };
        for number in 1..=7 {
            let container = json!({"name": "web", "image": image("a"), "command": [number]});
            state.register(&json!({"family": "web", "containerDefinitions": [container]}));
        }
        Self(Arc::new(Mutex::new(state)))
    }

    pub(crate) fn client(&self) -> Client {
        let this = self.clone();
        let http = infallible_client_fn(move |request: http::Request<SdkBody>| {
            let target = request.headers()["x-amz-target"].to_str().unwrap();
            let operation = target.rsplit('.').next().unwrap().to_owned();
            let body = serde_json::from_slice(request.body().bytes().unwrap()).unwrap();
            let (status, answer) = this.0.lock().unwrap().answer(&operation, &body);
            http::Response::builder()
                .status(status)
                .body(SdkBody::from(answer.to_string()))
                .unwrap()
        });
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .http_client(http);
        Client::from_conf(config.build())
    }

    pub(crate) fn inject(&self, fault: Option<(usize, usize, Fault)>) {
        self.0.lock().unwrap().fault = fault;
    }

    pub(crate) fn calls(&self) -> usize {
        self.0.lock().unwrap().calls
    }

    pub(crate) fn bodies(&self, operation: &str) -> Vec<Value> {
        let state = self.0.lock().unwrap();
        state
            .asked
            .iter()
            .filter(|(asked, _)| asked == operation)
            .map(|(_, body)| body.clone())
            .collect()
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.bodies(operation).len()
    }

    /// The service without its deployments' bookkeeping.
    pub(crate) fn service(&self) -> Value {
        let mut service = self.0.lock().unwrap().service.clone();
        service["deployments"] = Value::Null;
        service
    }

    pub(crate) fn revision(&self, number: usize) -> Value {
        self.0.lock().unwrap().revisions[number - 1].0.clone()
    }

    pub(crate) fn newest(&self) -> usize {
        self.0.lock().unwrap().revisions.len()
    }

    pub(crate) fn deregister(&self, number: usize) {
        self.0.lock().unwrap().revisions[number - 1].0["status"] = "INACTIVE".into();
    }

    pub(crate) fn deploy_foreign_revision(&self) {
        self.0.lock().unwrap().deploy_foreign_revision();
    }
}

fn number_of(arn: &Value) -> usize {
    arn.as_str()
        .unwrap()
        .rsplit(':')
        .next()
        .unwrap()
        .parse()
        .unwrap()
}

fn deployment(number: usize, status: &str, rollout: &str) -> Value {
    json!({
        "id": format!("ecs-svc/{number}"), "status": status, "taskDefinition": arn(number), "rolloutState": rollout,
        "desiredCount": 1, "runningCount": u32::from(rollout == "COMPLETED"), "createdAt": PLANNED + 5,
    })
}

impl State {
    fn answer(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        let call = self.calls;
        self.calls += 1;
        let fault = self
            .fault
            .filter(|(at, times, _)| (*at..at.saturating_add(*times)).contains(&call));
        match fault {
            Some((_, _, Fault::FailsBeforeActing)) => (500, json!({"__type": "ServerException"})),
            Some((_, _, Fault::Throttled)) => (400, json!({"__type": "ThrottlingException"})),
            Some((_, _, Fault::LosesTheAnswer)) => {
                self.act(operation, body);
                (500, json!({"__type": "ServerException"}))
            }
            None => self.act(operation, body),
        }
    }

    fn act(&mut self, operation: &str, body: &Value) -> (u16, Value) {
        self.asked.push((operation.to_owned(), body.clone()));
        match operation {
            "DescribeServices" => {
                self.tick();
                (200, json!({"services": [self.service]}))
            }
            "DescribeTaskDefinition" => self.describe(body["taskDefinition"].as_str().unwrap()),
            "RegisterTaskDefinition" => {
                let answer = self.register(body);
                if self.behaviour == Behaviour::ForeignAfterRegistration {
                    self.deploy_foreign_revision();
                }
                (200, answer)
            }
            "UpdateService" => self.update(body),
            "ListTasks" => (
                200,
                json!({"taskArns": self.tasks.iter().map(|task| task["taskArn"].clone()).collect::<Vec<_>>()}),
            ),
            "DescribeTasks" => (200, json!({"tasks": self.tasks})),
            "ListServiceDeployments" => (200, json!({"serviceDeployments": []})),
            other => (
                400,
                json!({"__type": "ClientException", "message": format!("unexpected {other}")}),
            ),
        }
    }

    fn describe(&self, reference: &str) -> (u16, Value) {
        let found = match reference
            .rsplit(':')
            .next()
            .and_then(|number| number.parse::<usize>().ok())
        {
            Some(number) => self.revisions.get(number - 1),
            None => self
                .revisions
                .iter()
                .rev()
                .find(|(definition, _)| definition["status"] == "ACTIVE"),
        };
        match found {
            Some((definition, tags)) => (200, json!({"taskDefinition": definition, "tags": tags})),
            None => (
                400,
                json!({"__type": "ClientException", "message": "Unable to describe task definition."}),
            ),
        }
    }

    fn register(&mut self, input: &Value) -> Value {
        let mut definition = input.clone();
        let number = self.revisions.len() + 1;
        let tags = definition
            .as_object_mut()
            .unwrap()
            .remove("tags")
            .unwrap_or_else(|| json!([]));
        definition["taskDefinitionArn"] = arn(number).into();
        definition["status"] = "ACTIVE".into();
        self.revisions.push((definition.clone(), tags.clone()));
        json!({"taskDefinition": definition, "tags": tags})
    }

    fn update(&mut self, body: &Value) -> (u16, Value) {
        assert_eq!(body.get("desiredCount"), None);
        for key in ["deploymentConfiguration", "healthCheckGracePeriodSeconds"] {
            if let Some(value) = body.get(key) {
                self.service[key] = value.clone();
            }
        }
        if let Some(wanted) = body
            .get("taskDefinition")
            .filter(|wanted| **wanted != self.service["taskDefinition"])
        {
            let number = number_of(wanted);
            if self.revisions[number - 1].0["status"] != "ACTIVE" {
                return (
                    400,
                    json!({"__type": "ClientException", "message": "TaskDefinition is inactive"}),
                );
            }
            self.roll_out(number);
        }
        (200, json!({"service": self.service}))
    }

    fn roll_out(&mut self, number: usize) {
        let old = self.service["deployments"].as_array_mut().unwrap();
        for deployment in old.iter_mut() {
            deployment["status"] = "ACTIVE".into();
        }
        old.insert(0, deployment(number, "PRIMARY", "IN_PROGRESS"));
        self.service["taskDefinition"] = arn(number).into();
    }

    fn deploy_foreign_revision(&mut self) {
        self.register(&json!({"family": "web", "containerDefinitions": [{"name": "web", "image": image("c")}]}));
        let number = self.revisions.len();
        self.service["taskDefinition"] = arn(number).into();
        self.service["deployments"] = json!([deployment(number, "PRIMARY", "COMPLETED")]);
    }

    /// Rollouts move on at every look but the first.
    fn tick(&mut self) {
        let primary = &self.service["deployments"][0];
        if primary["rolloutState"] != "IN_PROGRESS" {
            return;
        }
        if primary["seen"] != true {
            self.service["deployments"][0]["seen"] = true.into();
            return;
        }
        let revision = self.service["taskDefinition"].clone();
        let restored = revision == arn(7) || revision == arn(9);
        match self.behaviour {
            Behaviour::Crashes if !restored => self.crash(&revision),
            Behaviour::RolledBackByEcs if !restored => {
                let mut failed = deployment(8, "ACTIVE", "FAILED");
                failed["rolloutStateReason"] = "circuit breaker".into();
                self.service["taskDefinition"] = arn(7).into();
                self.service["deployments"] =
                    json!([deployment(7, "PRIMARY", "COMPLETED"), failed]);
            }
            _ => {
                let number = number_of(&revision);
                self.service["deployments"] = json!([deployment(number, "PRIMARY", "COMPLETED")]);
            }
        }
    }

    fn crash(&mut self, revision: &Value) {
        let number = self.tasks.len();
        self.tasks.push(json!({
            "taskArn": format!("arn:aws:ecs:eu-west-1:123456789012:task/quiz/{number}"), "taskDefinitionArn": revision,
            "stopCode": "EssentialContainerExited", "stoppedAt": PLANNED + 10,
            "containers": [{"name": "web", "exitCode": 1}],
        }));
    }
}
