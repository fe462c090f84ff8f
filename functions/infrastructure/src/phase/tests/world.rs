//! A small CloudFormation: one stack, its change sets, its events. It moves on at every look at
//! the stack but the first.

mod answers;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use aws_sdk_cloudformation::Client;
use aws_sdk_cloudformation::config::{BehaviorVersion, Config, Credentials, Region};
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_types::body::SdkBody;

/// The stack's name.
pub(crate) const NAME: &str = "shop-production-data";
const RELEASES: &str = "https://releases.s3.eu-west-1.amazonaws.com/templates/shop/";

/// What becomes of an operation of ours, or of what it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// It is completed.
    Completes,
    /// A resource fails, and CloudFormation puts everything back.
    Fails,
    /// A resource fails, and so does putting it back, once.
    RollbackFails,
    /// A resource fails, and can never be put back.
    RollbackFailsAlways,
    /// It takes longer than anybody waits.
    TakesForever,
    /// So it does, and it is some time until it is cancelled.
    CancelsLate,
    /// The change set would replace a table.
    Replaces,
    /// Only the change set that leads back would replace a table.
    ReplacesOnTheWayBack,
    /// The change set has no changes.
    ChangesNothing,
}

/// Another stack, which the one of the tests takes an output from.
pub(crate) const NETWORK: &str = "shop-production-network";

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

/// All of a stack that an update changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Shape {
    pub(crate) template: String,
    pub(crate) parameters: BTreeMap<String, String>,
    pub(crate) tags: BTreeMap<String, String>,
    pub(crate) alarms: Vec<String>,
    pub(crate) minutes: String,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Stack {
    pub(crate) id: String,
    pub(crate) status: String,
    pub(crate) shape: Shape,
    pub(crate) role: String,
    pub(crate) is_protected: bool,
    pub(crate) resources: Vec<(String, String)>,
    before: Option<Shape>,
    seen: bool,
    token: String,
    next: VecDeque<Moment>,
}

/// What happens next to a stack.
#[derive(Debug, Clone)]
enum Moment {
    Later,
    Status(&'static str),
    Failed(&'static str),
    Back,
    Gone,
}

#[derive(Debug, Clone)]
struct ChangeSet {
    name: String,
    is_new: bool,
    shape: Shape,
    role: String,
    looks: usize,
    is_executed: bool,
    changes: Changes,
}

/// What a change set does to the table of the stack.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Changes {
    Nothing,
    InPlace,
    Replaced,
}

#[derive(Debug, Clone)]
struct Event {
    stack: String,
    logical: String,
    status: String,
    reason: String,
    token: String,
}

#[derive(Clone)]
pub(crate) struct FakeCloudFormation(Arc<Mutex<State>>);

pub(crate) struct State {
    behaviour: Behaviour,
    pub(crate) stack: Option<Stack>,
    change_sets: Vec<ChangeSet>,
    events: Vec<Event>,
    asked: Vec<(String, BTreeMap<String, String>)>,
    calls: usize,
    created: usize,
    /// The resources that a new stack gets.
    pub(crate) makes: Vec<(String, String)>,
    fault: Option<(usize, usize, Fault)>,
}

pub(crate) fn arn(number: usize) -> String {
    format!("arn:aws:cloudformation:eu-west-1:111122223333:stack/{NAME}/{number}")
}

/// The address of a template.
pub(crate) fn address(template: &str) -> String {
    format!("{RELEASES}{template}")
}

impl FakeCloudFormation {
    /// A world without the stack.
    pub(crate) fn empty(behaviour: Behaviour) -> Self {
        Self(Arc::new(Mutex::new(State {
            behaviour,
            stack: None,
            change_sets: Vec::new(),
            events: Vec::new(),
            asked: Vec::new(),
            calls: 0,
            created: 0,
            makes: vec![("Topic".into(), "AWS::SNS::Topic".into())],
            fault: None,
        })))
    }

    /// A world in which somebody made the stack once.
    pub(crate) fn with_stack(behaviour: Behaviour, shape: Shape) -> Self {
        let fake = Self::empty(behaviour);
        fake.change(|state| {
            state.created = 1;
            state.stack = Some(Stack {
                id: arn(1),
                status: "CREATE_COMPLETE".into(),
                shape,
                resources: vec![("Table".into(), "AWS::DynamoDB::Table".into())],
                token: "Console-1".into(),
                ..Stack::default()
            });
            state.own_event("CREATE_COMPLETE", "");
        });
        fake
    }

    pub(crate) fn change<T>(&self, how: impl FnOnce(&mut State) -> T) -> T {
        how(&mut self.0.lock().unwrap())
    }

    pub(crate) fn client(&self) -> Client {
        self.client_at_pace(0)
    }

    /// A client whose calls are held up, each for another while: `seed` says how. Two of them at
    /// once meet in ever other places.
    pub(crate) fn client_at_pace(&self, seed: u64) -> Client {
        let connector = SharedHttpConnector::new(Connector {
            fake: self.clone(),
            pace: Arc::new(Mutex::new(seed)),
        });
        let config = Config::builder()
            .behavior_version(BehaviorVersion::latest())
            .region(Region::new("eu-west-1"))
            .credentials_provider(Credentials::for_tests())
            .http_client(http_client_fn(move |_, _| connector.clone()));
        Client::from_conf(config.build())
    }

    pub(crate) fn inject(&self, fault: Option<(usize, usize, Fault)>) {
        self.change(|state| state.fault = fault);
    }

    pub(crate) fn calls(&self) -> usize {
        self.change(|state| state.calls)
    }

    /// The parameters of every call of an operation that came through.
    pub(crate) fn asked(&self, operation: &str) -> Vec<BTreeMap<String, String>> {
        self.change(|state| {
            let asked = state.asked.iter().filter(|(asked, _)| asked == operation);
            asked.map(|(_, fields)| fields.clone()).collect()
        })
    }

    pub(crate) fn count(&self, operation: &str) -> usize {
        self.asked(operation).len()
    }

    pub(crate) fn stack(&self) -> Option<Stack> {
        self.change(|state| state.stack.clone())
    }

    pub(crate) fn shape(&self) -> Option<Shape> {
        self.stack().map(|stack| stack.shape)
    }

    /// Everything that undo has to restore.
    pub(crate) fn whole(&self) -> Option<(String, Shape, bool)> {
        self.stack().map(|it| (it.id, it.shape, it.is_protected))
    }

    pub(crate) fn newest_event(&self) -> String {
        self.change(|state| format!("event-{}", state.events.len() - 1))
    }

    pub(crate) fn change_sets(&self) -> Vec<String> {
        self.change(|state| state.change_sets.iter().map(|it| it.name.clone()).collect())
    }
}

#[derive(Clone)]
struct Connector {
    fake: FakeCloudFormation,
    pace: Arc<Mutex<u64>>,
}

impl std::fmt::Debug for Connector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Connector")
    }
}

impl Connector {
    /// How long the next call is held up before and after it acts; never, without a seed.
    fn pauses(&self) -> (u64, u64) {
        let mut seed = self.pace.lock().unwrap();
        if *seed == 0 {
            return (0, 0);
        }
        // Xorshift: all that is asked of it is to be different each time and the same in each run.
        *seed ^= *seed << 13;
        *seed ^= *seed >> 7;
        *seed ^= *seed << 17;
        (*seed % 7, *seed / 7 % 7)
    }
}

impl HttpConnector for Connector {
    #[expect(
        clippy::disallowed_methods,
        reason = "the clock of these tests is not the machine's"
    )]
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let this = self.clone();
        HttpConnectorFuture::new(async move {
            let (before, after) = this.pauses();
            tokio::time::sleep(std::time::Duration::from_millis(before)).await;
            let body = std::str::from_utf8(request.body().bytes().unwrap()).unwrap();
            let (status, answer) = this.fake.change(|state| state.answer(&answers::form(body)));
            tokio::time::sleep(std::time::Duration::from_millis(after)).await;
            let status = status.try_into().unwrap();
            Ok(HttpResponse::new(status, SdkBody::from(answer)))
        })
    }
}

impl State {
    /// Somebody changes the stack by hand, from beginning to end.
    pub(crate) fn foreign_update(&mut self, template: &str) {
        let stack = self.stack.as_mut().unwrap();
        stack.shape.template = address(template);
        stack.status = "UPDATE_COMPLETE".into();
        stack.token = "Console-2".into();
        self.own_event("UPDATE_IN_PROGRESS", "");
        self.own_event("UPDATE_COMPLETE", "");
        self.change_sets.clear();
    }

    /// The stack gets into a state in which somebody left it.
    pub(crate) fn left_in(&mut self, status: &str) {
        let stack = self.stack.as_mut().unwrap();
        stack.status = status.into();
        stack.token = "Console-3".into();
        self.own_event(status, "");
    }

    fn own_event(&mut self, status: &str, reason: &str) {
        let stack = self.stack.as_ref().unwrap();
        self.events.push(Event {
            stack: stack.id.clone(),
            logical: NAME.into(),
            status: status.into(),
            reason: reason.into(),
            token: stack.token.clone(),
        });
    }

    fn begin(&mut self, status: &str, token: &str, next: &[Moment]) {
        let stack = self.stack.as_mut().unwrap();
        stack.status = status.into();
        stack.token = token.into();
        stack.seen = false;
        stack.next = next.iter().cloned().collect();
        self.own_event(status, "");
    }

    /// What becomes of an update or a creation that began.
    fn fate(&self, is_new: bool, token: &str) -> Vec<Moment> {
        let prefix = if is_new { "CREATE" } else { "UPDATE" };
        let good = if is_new {
            vec![Moment::Status("CREATE_COMPLETE")]
        } else {
            vec![
                Moment::Status("UPDATE_COMPLETE_CLEANUP_IN_PROGRESS"),
                Moment::Status("UPDATE_COMPLETE"),
            ]
        };
        let failed = |end: &[Moment]| {
            let failure = if prefix == "CREATE" {
                "CREATE_FAILED"
            } else {
                "UPDATE_FAILED"
            };
            let begun = if is_new {
                "ROLLBACK_IN_PROGRESS"
            } else {
                "UPDATE_ROLLBACK_IN_PROGRESS"
            };
            let mut moments = vec![Moment::Failed(failure), Moment::Status(begun)];
            moments.extend(end.iter().cloned());
            moments
        };
        match self.behaviour {
            _ if token.ends_with("-undo") => good,
            Behaviour::Fails if is_new => failed(&[Moment::Status("ROLLBACK_COMPLETE")]),
            Behaviour::RollbackFails | Behaviour::RollbackFailsAlways if is_new => {
                failed(&[Moment::Status("ROLLBACK_FAILED")])
            }
            Behaviour::Fails => failed(&[Moment::Back, Moment::Status("UPDATE_ROLLBACK_COMPLETE")]),
            Behaviour::RollbackFails | Behaviour::RollbackFailsAlways => failed(&[
                Moment::Failed("UPDATE_FAILED"),
                Moment::Status("UPDATE_ROLLBACK_FAILED"),
            ]),
            Behaviour::TakesForever | Behaviour::CancelsLate => Vec::new(),
            _ => good,
        }
    }

    /// One look at the stack: something happens at every look but the first.
    fn tick(&mut self) {
        let Some(stack) = self.stack.as_mut() else {
            return;
        };
        if !std::mem::replace(&mut stack.seen, true) {
            return;
        }
        match stack.next.pop_front() {
            None | Some(Moment::Later) => {}
            Some(Moment::Status(status)) => {
                stack.status = status.into();
                self.own_event(status, "");
            }
            Some(Moment::Failed(status)) => {
                let event = Event {
                    stack: stack.id.clone(),
                    logical: "Table".into(),
                    status: status.into(),
                    reason: "Limit exceeded for tables.".into(),
                    token: stack.token.clone(),
                };
                self.events.push(event);
            }
            Some(Moment::Back) => {
                if let Some(before) = stack.before.take() {
                    stack.shape = before;
                }
            }
            Some(Moment::Gone) => {
                self.own_event("DELETE_COMPLETE", "");
                self.stack = None;
                self.change_sets.clear();
            }
        }
    }
}
