//! One deployment with one fault, and everything that must be true after it.

use std::time::{Duration, Instant};

use lockstep::verdict::Verdict;
use lockstep_tests::{Execution, Message, World, within};

use crate::fault::{Kind, Target, install};
use crate::scenario::{Begun, Scenario};
use crate::subject::Seen;

/// What a deployment with a fault came to.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// Its verdict; `None` when it came to no end.
    pub verdict: Option<Verdict>,
    /// How many recoveries it took.
    pub recoveries: usize,
    /// How long it took.
    pub took: Duration,
    /// Whether its call was made. How often something is tried again depends on how quick others are.
    pub reached: bool,
    /// Everything that is wrong.
    pub faults: Vec<String>,
}

impl Outcome {
    /// One that came to no end.
    pub fn lost(why: String) -> Self {
        Self {
            verdict: None,
            recoveries: 0,
            took: Duration::ZERO,
            reached: true,
            faults: vec![why],
        }
    }

    /// The verdict, and how many recoveries it took. After an execution was stopped that depends on how far its
    /// function got meanwhile.
    pub fn label(&self, kind: Kind) -> String {
        if !self.reached {
            return "not reached".to_owned();
        }
        let verdict = self.verdict.map_or("NO END", Verdict::as_str);
        match (kind, self.recoveries) {
            (Kind::Stopped, _) | (_, 0) => verdict.to_owned(),
            (_, recoveries) => format!("{verdict} +{recoveries}"),
        }
    }
}

/// Runs a scenario with a fault on one of its calls.
pub async fn attempt(
    world: &World,
    scenario: Scenario,
    name: String,
    target: &Target,
    kind: Kind,
) -> Outcome {
    let begun = scenario.prepare(world, name).await;
    let before = begun.subject.look().await;
    let mark = world.engine().gateway().last_call();
    let started = Instant::now();
    let (execution, installed) = begun.start(|| install(world, target, kind)).await;
    let end = finish(world, &execution).await;
    let took = started.elapsed();
    let mut faults = Vec::new();
    let reached = installed.struck();
    if !reached && target.nth == 1 {
        faults.push("the fault never struck".to_owned());
    }
    world.engine().gateway().clear_faults();
    let after = begun.subject.look().await;
    let thread = end.thread.clone();
    faults.extend(check_world(&begun, &before, &after, target, end.verdict));
    let messages = delivered(world, &thread, mark).await;
    if end.begun {
        faults.extend(check_messages(&messages, target, kind, end.verdict));
    } else if !messages.is_empty() {
        faults.push(format!("told of what never began: {messages:#?}"));
    }
    begun.subject.delete().await;
    Outcome {
        verdict: Some(end.verdict),
        recoveries: end.recoveries,
        took,
        reached,
        faults,
    }
}

/// How the executions of a run ended.
struct End {
    verdict: Verdict,
    /// Whether there was anything to tell people: an execution that was stopped before it knew what to deploy is
    /// nobody's deployment.
    begun: bool,
    recoveries: usize,
    thread: String,
}

/// Waits for the execution and its recoveries. One that fails before it created a deployment tells its own verdict.
async fn finish(world: &World, execution: &Execution<'_>) -> End {
    let ended = execution.ended().await;
    world.idle().await;
    if execution.deployment().await.is_none() {
        let verdict = Verdict::ALL
            .into_iter()
            .find(|verdict| ended.error.as_deref() == Some(verdict.as_str()));
        let verdict = verdict.unwrap_or(if ended.status == "ABORTED" {
            Verdict::Stopped
        } else {
            Verdict::Rejected
        });
        return End {
            verdict,
            begun: ended.status != "ABORTED",
            recoveries: 0,
            thread: execution.name().to_owned(),
        };
    }
    let (record, executions) = execution.concluded().await;
    world.idle().await;
    let verdict = record
        .conclusion
        .map(|conclusion| conclusion.verdict)
        .expect("it is concluded");
    End {
        verdict,
        begun: true,
        recoveries: executions.len() - 1,
        thread: record.deployment.id.to_string(),
    }
}

fn check_world(
    begun: &Begun<'_>,
    before: &Seen,
    after: &Seen,
    target: &Target,
    verdict: Verdict,
) -> Vec<String> {
    let mut faults = Vec::new();
    let (is_before, is_after) = (
        after.runs_the_same_as(before),
        begun.subject.is_released(before, after),
    );
    let agrees = match verdict {
        Verdict::Succeeded => is_after,
        Verdict::FailedDirty => is_before || is_after,
        _ => is_before,
    };
    if !agrees {
        faults.push(format!(
            "the world does not agree with {verdict}: {before:#?}\n{after:#?}"
        ));
    }
    faults.extend(after.wrong_schema(verdict));
    if !after.is_unlocked() {
        faults.push("the lock is held".to_owned());
    }
    if !after.kept("queue#").is_empty() {
        faults.push(format!(
            "the queue is not empty: {:?}",
            after.kept("queue#")
        ));
    }
    let (current, wanted) = (
        after.kept("current").len(),
        usize::from(
            verdict == Verdict::Succeeded
                || after.stays_verified(verdict)
                || (is_after && begun.owes_a_contract(verdict)),
        ),
    );
    if current != wanted {
        faults.push(format!("{current} verified releases after {verdict}"));
    }
    let left = after.left_behind();
    // A change set that was only planned, and that nothing executes any more, does nothing (ADR 17).
    let only_planned = (target.is_by("plan") || target.is_by("plan-stacks"))
        && matches!(verdict, Verdict::Rejected | Verdict::Stopped);
    if !left.is_empty() && !only_planned {
        faults.push(format!("change sets left behind after {verdict}: {left:?}"));
    }
    if after.is_shell() {
        faults.push(format!(
            "a stack that is nothing but a name after {verdict}"
        ));
    }
    let held = after.kept("hold#");
    if held.iter().any(|hold| !begun.subject.has(hold))
        || (verdict == Verdict::Succeeded && !held.is_empty())
    {
        faults.push(format!("holds after {verdict}: {held:?}"));
    }
    faults
}

/// The messages of a deployment, once everything that was published is delivered.
async fn delivered(world: &World, thread: &str, mark: u64) -> Vec<Message> {
    let calls = world.engine().gateway().calls_since(mark);
    let published = calls
        .iter()
        .filter(|call| call.name.operation == "Publish" && call.response.contains("MessageId"));
    let published = published
        .filter(|call| call.request.contains(thread))
        .count();
    let what = format!("{published} published messages of {thread} are delivered");
    within(Duration::from_secs(10), &what, async || {
        let messages = world.messages(thread);
        (messages.len() >= published).then_some(messages)
    })
    .await
}

/// Exactly one final message; a second one, with the same id, only where nobody could know of the first.
fn check_messages(
    messages: &[Message],
    target: &Target,
    kind: Kind,
    verdict: Verdict,
) -> Vec<String> {
    let last: Vec<_> = messages
        .iter()
        .filter(|message| message.is_final())
        .collect();
    let may_repeat = target.operation == "sns:Publish" && kind.may_act_unseen();
    let mut faults = Vec::new();
    match last.as_slice() {
        [] => faults.push("nobody was told how it ended".to_owned()),
        [_] => {}
        [first, second] if may_repeat && first.id == second.id => {}
        many => faults.push(format!("{} final messages", many.len())),
    }
    let told = |message: &&Message| {
        message.subject.contains(verdict.as_str()) || message.subject.contains("could not be read")
    };
    if let Some(wrong) = last.iter().find(|message| !told(message)) {
        faults.push(format!("{verdict} was told as {:?}", wrong.subject));
    }
    faults
}
