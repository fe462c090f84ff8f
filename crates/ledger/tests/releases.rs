//! What the ledger makes of uploaded releases.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may stop at the first surprise"
)]

use std::collections::HashMap;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::record::{DeploymentRecord, DeploymentRef, Execution, ReleaseRequest, Source};
use lockstep::release_order::ReleaseAge;
use lockstep_ledger::{
    Created, Ledger, LedgerError, NewestReleases, ReleaseMark, Released, StoredRecord,
};

const ME: &str = "01JD5Q6Z8G0000000000000000";
const OTHER: &str = "01JD5Q6Z8G0000000000000001";

type Item = HashMap<String, AttributeValue>;

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn age(version: &str) -> ReleaseAge {
    ReleaseAge {
        version: version.to_owned(),
        at: now(),
        sequencer: None,
    }
}

fn mark(version: &str, deployment: &str) -> ReleaseMark {
    ReleaseMark {
        age: age(version),
        deployment: DeploymentId::parse(deployment).unwrap(),
    }
}

fn record() -> DeploymentRecord {
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
        source: Source::S3Release {
            event: "event-1".to_owned(),
            version: "1.4.0".to_owned(),
        },
        manifest_version: 1,
        requested: [].into(),
        release: Some(ReleaseRequest {
            version: "1.4.0".to_owned(),
            object: None,
            allow_older: false,
            rollback_floor: None,
        }),
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

/// A cancelled transaction: one entry a write, `Some` where its condition did not hold.
fn cancelled(reasons: &[Option<Item>]) -> TransactWriteItemsError {
    let reasons = reasons.iter().map(|item| {
        let code = item.as_ref().map_or("None", |_| "ConditionalCheckFailed");
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

async fn create(reasons: Vec<Option<Item>>) -> Result<Created, LedgerError> {
    let rule = mock!(Client::transact_write_items).then_error(move || cancelled(&reasons));
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    let seen = NewestReleases::default();
    ledger
        .create_release_deployment(&record(), "s3:b/k@1", &age("1.4.0"), &seen, now())
        .await
}

#[tokio::test]
async fn another_event_about_the_same_upload_is_a_duplicate() {
    let claim = Some(text(&[("deployment", OTHER)]));
    let raised = Some(Item::new());
    let created = create(vec![None, None, None, claim, raised]).await.unwrap();
    let expected = Created::DuplicateEvent {
        deployment: DeploymentId::parse(OTHER).unwrap(),
    };
    assert_eq!(created, expected);
}

#[tokio::test]
async fn a_retry_finds_its_own_deployment_although_it_raised_the_mark_itself() {
    let body = serde_json::to_string(&record()).unwrap();
    let mine = Some(text(&[("body", &body)]));
    let claim = Some(text(&[("deployment", ME)]));
    let created = create(vec![mine, None, None, claim, Some(Item::new())]).await;
    assert_eq!(created.unwrap(), Created::Yes);
}

#[tokio::test]
async fn two_releases_at_once_are_decided_one_after_the_other() {
    let created = create(vec![None, None, None, None, Some(Item::new())]).await;
    assert!(matches!(created, Err(LedgerError::Contended { .. })));
}

#[test]
fn a_mark_only_rises() {
    let [api, mail] = ["api".to_owned(), "mail".to_owned()];
    let marks = NewestReleases::default()
        .with(&mark("1.4.0", OTHER), [&api])
        .with(&mark("1.3.0", ME), [&api, &mail]);
    assert_eq!(marks.newest, Some(mark("1.4.0", OTHER)));
    assert_eq!(marks.components[&api], mark("1.4.0", OTHER));
    assert_eq!(marks.components[&mail], mark("1.3.0", ME));
}

async fn stored() -> StoredRecord {
    let body = serde_json::to_string(&record()).unwrap();
    let rule = mock!(Client::get_item).then_output(move || {
        GetItemOutput::builder()
            .set_item(Some(text(&[("pk", "x"), ("body", &body)])))
            .build()
    });
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    let found = ledger.stored_record(&record().deployment.id).await;
    found.unwrap().unwrap()
}

#[tokio::test]
async fn a_record_that_was_changed_meanwhile_is_looked_at_again() {
    let written = mock!(Client::transact_write_items)
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let changed = mock!(Client::transact_write_items)
        .then_error(|| cancelled(&[Some(Item::new()), None, None]));
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::Sequential, [&written, &changed]);
    let ledger = Ledger::new(client, "ledger");
    let (standing, raised) = (stored().await, NewestReleases::default());
    for expected in [Released::Now, Released::Changed] {
        let released = ledger.put_release(&standing, &record(), &raised).await;
        assert_eq!(released.unwrap(), expected);
    }
}
