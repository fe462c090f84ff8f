//! What the ledger makes of DynamoDB's answers.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may stop at the first surprise"
)]

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use jiff::Timestamp;
use lockstep::record::{Conclusion, DeploymentRecord, DeploymentRef, Execution, Source};
use lockstep::release::ImageArtifact;
use lockstep::verdict::Verdict;
use lockstep::{DeploymentId, PhaseError};
use lockstep_ledger::{
    Concluded, ConclusionWrite, Created, Ledger, LedgerError, TakeUp, TakeUpRequest,
};

const ME: &str = "01JD5Q6Z8G0000000000000000";
const OTHER: &str = "01JD5Q6Z8G0000000000000001";

type Item = HashMap<String, AttributeValue>;

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn record() -> DeploymentRecord {
    let image = ImageArtifact {
        repository: "web".to_owned(),
        digest: "sha256:new".to_owned(),
        tag: None,
        pushed_at: now(),
    };
    DeploymentRecord {
        deployment: DeploymentRef {
            id: DeploymentId::parse(ME).unwrap(),
            application: "shop".to_owned(),
            environment: "production".to_owned(),
        },
        execution: Execution {
            name: "x".to_owned(),
            arn: "arn".to_owned(),
            started_at: now(),
        },
        source: Source::EcrPush {
            event: "event-1".to_owned(),
            image: "web:v1".to_owned(),
        },
        manifest_version: 1,
        requested: [("web/web".to_owned(), image.into())].into(),
        release: None,
        topic: None,
        approved: Vec::new(),
        builds: std::collections::BTreeMap::new(),
        only: lockstep::Only::default(),
        conclusion: None,
    }
}

fn text(pairs: &[(&str, &str)]) -> Item {
    pairs
        .iter()
        .map(|(name, value)| ((*name).to_owned(), AttributeValue::S((*value).to_owned())))
        .collect()
}

fn fenced(pairs: &[(&str, &str)], fence: u64) -> Item {
    let mut item = text(pairs);
    item.insert("fence".to_owned(), AttributeValue::N(fence.to_string()));
    item
}

/// A cancelled transaction: one entry a write, `Some` where its condition did not hold.
fn cancelled(reasons: &[Option<Item>]) -> TransactWriteItemsError {
    let reasons = reasons.iter().map(|item| {
        let code = if item.is_some() {
            "ConditionalCheckFailed"
        } else {
            "None"
        };
        CancellationReason::builder()
            .code(code)
            .set_item(item.clone())
            .build()
    });
    let exception = TransactionCanceledException::builder()
        .set_cancellation_reasons(Some(reasons.collect()))
        .build();
    TransactWriteItemsError::TransactionCanceledException(exception)
}

async fn create(reasons: Vec<Option<Item>>) -> Created {
    let rule = mock!(Client::transact_write_items).then_error(move || cancelled(&reasons));
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    ledger
        .create_deployment(&record(), false, now())
        .await
        .unwrap()
}

#[tokio::test]
async fn a_retry_finds_its_own_deployment() {
    let mine = Some(text(&[("pk", "deployment#x")]));
    assert_eq!(
        create(vec![mine, None, None, None, None]).await,
        Created::Yes
    );
}

#[tokio::test]
async fn the_retry_of_a_refused_request_is_refused_again() {
    let kept = DeploymentRecord {
        requested: [].into(),
        ..record()
    };
    let body = serde_json::to_string(&kept).unwrap();
    let mark = text(&[
        ("digest", "sha256:newer"),
        ("pushed_at", "2026-11-20T11:00:00Z"),
        ("deployment", OTHER),
    ]);
    let refused = vec![Some(text(&[("body", &body)])), None, None, Some(mark), None];
    assert!(matches!(create(refused).await, Created::NotNewer { .. }));
}

#[tokio::test]
async fn a_second_delivery_of_an_event_names_the_first_ones_deployment() {
    let claim = Some(text(&[("deployment", OTHER)]));
    let expected = Created::DuplicateEvent {
        deployment: DeploymentId::parse(OTHER).unwrap(),
    };
    assert_eq!(create(vec![None, None, None, None, claim]).await, expected);
}

#[tokio::test]
async fn a_push_of_what_a_build_makes_names_the_deployment_that_builds_it() {
    let built = Some(text(&[
        ("sk", "built#web"),
        ("built_commit", "3f2a9c1"),
        ("deployment", OTHER),
    ]));
    let expected = Created::Built {
        deployment: DeploymentId::parse(OTHER).unwrap(),
    };
    let created = create(vec![None, None, None, None, None, built]).await;
    assert_eq!(created, expected);
}

#[tokio::test]
async fn an_older_image_meets_the_newest_one() {
    let mark = Some(text(&[
        ("digest", "sha256:newer"),
        ("pushed_at", "2026-11-20T11:00:00Z"),
        ("deployment", OTHER),
    ]));
    let created = create(vec![None, None, None, mark, None]).await;
    let Created::NotNewer { component, newest } = created else {
        unreachable!("{created:?}")
    };
    assert_eq!(component, "web/web");
    assert_eq!(newest.digest, "sha256:newer");
}

#[tokio::test]
async fn an_execution_that_was_ended_creates_nothing_any_more() {
    let ended = Some(text(&[("ended", "2026-11-20T10:00:00Z")]));
    let created = create(vec![None, None, ended, None, None]).await;
    assert_eq!(created, Created::ExecutionEnded);
}

#[tokio::test]
async fn ending_an_execution_finds_the_deployment_it_created_before() {
    let created = Some(text(&[("deployment", ME)]));
    let rule = mock!(Client::transact_write_items)
        .then_error(move || cancelled(std::slice::from_ref(&created)));
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    let found = ledger.end_execution("x", now()).await.unwrap();
    assert_eq!(found, DeploymentId::parse(ME));
}

async fn take_up(lock: Item) -> TakeUp {
    let rule = mock!(Client::transact_write_items)
        .then_error(move || cancelled(&[Some(lock.clone()), None]));
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    let deployment = record().deployment;
    let request = TakeUpRequest {
        deployment: &deployment,
        fence: 7,
        step: Some(0),
        undo: false,
        registrations: &[],
    };
    ledger.take_up(&request, now()).await.unwrap()
}

#[tokio::test]
async fn a_raised_halt_flag_stops_a_step() {
    let lock = fenced(&[("deployment", ME), ("halted_by", "exit code 1")], 7);
    let expected = TakeUp::Halted {
        by: "exit code 1".to_owned(),
    };
    assert_eq!(take_up(lock).await, expected);
}

#[tokio::test]
async fn a_lost_lock_is_not_a_halt() {
    let taken = fenced(&[("deployment", OTHER)], 8);
    let expected = TakeUp::LockLost {
        holder: format!("deployment {OTHER}"),
    };
    assert_eq!(take_up(taken).await, expected);
    let free = TakeUp::LockLost {
        holder: "nobody".to_owned(),
    };
    assert_eq!(take_up(fenced(&[], 8)).await, free);
}

fn conclusion() -> Conclusion {
    Conclusion {
        verdict: Verdict::RolledBack,
        message: "put back".to_owned(),
        next_steps: Vec::new(),
        concluded_at: now(),
    }
}

fn write(record: &DeploymentRecord) -> ConclusionWrite<'_> {
    ConclusionWrite {
        record,
        fence: 7,
        verified: None,
        previous: None,
        holds: Vec::new(),
        lifted: Vec::new(),
    }
}

#[tokio::test]
async fn a_deployment_that_lost_its_lock_still_concludes_and_leaves_the_lock_alone() {
    let lost = vec![None, Some(fenced(&[("deployment", OTHER)], 8)), None, None];
    let first = mock!(Client::transact_write_items)
        .match_requests(|request| request.transact_items().len() == 4)
        .then_error(move || cancelled(&lost));
    let second = mock!(Client::transact_write_items)
        .match_requests(|request| request.transact_items().len() == 3)
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, [&first, &second]);
    let record = DeploymentRecord {
        conclusion: Some(conclusion()),
        ..record()
    };
    let concluded = Ledger::new(client, "ledger")
        .conclude(&write(&record))
        .await;
    assert_eq!(concluded.unwrap(), Concluded::Now);
}

#[tokio::test]
async fn a_lock_whose_taking_was_never_heard_of_is_freed() {
    let read = mock!(Client::get_item).then_output(|| {
        aws_sdk_dynamodb::operation::get_item::GetItemOutput::builder()
            .set_item(Some(fenced(&[("deployment", ME)], 9)))
            .build()
    });
    let freeing = mock!(Client::transact_write_items)
        .match_requests(|request| request.transact_items().len() == 4)
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&read, &freeing]);
    let record = DeploymentRecord {
        conclusion: Some(conclusion()),
        ..record()
    };
    let write = ConclusionWrite {
        fence: 0,
        ..write(&record)
    };
    let concluded = Ledger::new(client, "ledger").conclude(&write).await;
    assert_eq!(concluded.unwrap(), Concluded::Now);
}

#[tokio::test]
async fn one_image_in_two_components_names_its_hold_once() {
    let once = mock!(Client::transact_write_items)
        .match_requests(|request| request.transact_items().len() == 5)
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let record = DeploymentRecord {
        conclusion: Some(conclusion()),
        ..record()
    };
    let write = ConclusionWrite {
        lifted: vec!["sha256:new".to_owned(), "sha256:new".to_owned()],
        ..write(&record)
    };
    let concluded = Ledger::new(mock_client!(aws_sdk_dynamodb, [&once]), "ledger")
        .conclude(&write)
        .await;
    assert_eq!(concluded.unwrap(), Concluded::Now);
}

#[tokio::test]
async fn the_first_conclusion_stands() {
    let refused = mock!(Client::transact_write_items)
        .then_error(|| cancelled(&[Some(text(&[("concluded", "yes")])), None, None, None]));
    let standing = DeploymentRecord {
        conclusion: Some(conclusion()),
        ..record()
    };
    let body = serde_json::to_string(&standing).unwrap();
    let read = mock!(Client::get_item).then_output(move || {
        aws_sdk_dynamodb::operation::get_item::GetItemOutput::builder()
            .item("body", AttributeValue::S(body.clone()))
            .build()
    });
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&refused, &read]);
    let another = DeploymentRecord {
        conclusion: Some(Conclusion {
            verdict: Verdict::Succeeded,
            ..conclusion()
        }),
        ..record()
    };
    let concluded = Ledger::new(client, "ledger")
        .conclude(&write(&another))
        .await;
    assert_eq!(concluded.unwrap(), Concluded::Before(conclusion()));
}

fn conflict() -> TransactWriteItemsError {
    let reason = |code: &str| CancellationReason::builder().code(code).build();
    let exception = TransactionCanceledException::builder()
        .cancellation_reasons(reason("TransactionConflict"))
        .cancellation_reasons(reason("None"))
        .build();
    TransactWriteItemsError::TransactionCanceledException(exception)
}

#[tokio::test(start_paused = true)]
async fn a_conflict_with_another_transaction_passes_in_place() {
    let rule = mock!(Client::transact_write_items)
        .sequence()
        .error(conflict)
        .times(2)
        .output(|| TransactWriteItemsOutput::builder().build())
        .build();
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    let created = ledger.create_deployment(&record(), false, now()).await;
    assert_eq!(created.unwrap(), Created::Yes);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_that_stays_is_transient() {
    let rule = mock!(Client::transact_write_items).then_error(conflict);
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    let error = ledger
        .create_deployment(&record(), false, now())
        .await
        .unwrap_err();
    assert!(matches!(error, LedgerError::Contended { .. }));
    assert!(PhaseError::from(error).is_transient());
}

#[tokio::test]
async fn a_deployment_that_has_ended_does_not_queue_up_again() {
    let rule = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let guard = request
                .transact_items()
                .first()
                .and_then(|item| item.update());
            guard
                .and_then(|update| update.condition_expression())
                .is_some_and(|condition| condition.contains("attribute_not_exists(concluded)"))
        })
        .then_error(|| cancelled(&[Some(Item::new()), None]));
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    let record = record();
    let queued = ledger.enqueue(&record).await;
    assert!(queued.is_ok());
}

#[tokio::test(start_paused = true)]
async fn throttling_is_transient_and_a_missing_permission_is_not() {
    let throttled = mock!(Client::get_item)
        .sequence()
        .http_status(500, None)
        .times(3)
        .build();
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&throttled]), "ledger");
    let error = ledger.manifest_version("shop").await.unwrap_err();
    assert!(PhaseError::from(error).is_transient());

    let denied = mock!(Client::get_item).then_error(|| {
        let meta = aws_sdk_dynamodb::error::ErrorMetadata::builder()
            .code("AccessDeniedException")
            .message("not allowed")
            .build();
        aws_sdk_dynamodb::operation::get_item::GetItemError::generic(meta)
    });
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&denied]), "ledger");
    let error = PhaseError::from(ledger.manifest_version("shop").await.unwrap_err());
    assert_eq!(error.name(), "Rejected");
    assert!(error.to_string().contains("dynamodb:GetItem"), "{error}");
}
