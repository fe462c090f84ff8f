//! What the ledger makes of DynamoDB's answers about infrastructure.

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
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, TransactWriteItem};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::build::BuildRecord;
use lockstep::record::DeploymentRef;
use lockstep_ledger::{Ledger, Recorded};

fn me() -> DeploymentRef {
    DeploymentRef {
        id: DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap(),
        application: "shop".to_owned(),
        environment: "production".to_owned(),
    }
}

fn begun() -> BuildRecord {
    BuildRecord::default().begun_by(&me().id, Timestamp::UNIX_EPOCH)
}

/// The key of the written item and its condition.
fn put(item: &TransactWriteItem) -> Option<(String, String)> {
    let put = item.put()?;
    let sk = put.item().get("sk")?.as_s().ok()?.clone();
    Some((sk, put.condition_expression()?.to_owned()))
}

#[tokio::test]
async fn nothing_is_known_of_what_was_never_applied() {
    let nothing = mock!(Client::get_item).then_output(|| GetItemOutput::builder().build());
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&nothing]), "ledger");
    let found = ledger.build_record("shop", "production", "platform").await;
    assert_eq!(found.unwrap(), BuildRecord::default());
}

#[tokio::test]
async fn a_record_is_written_under_the_lock_in_place_of_the_one_that_was_seen() {
    let written = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let items = request.transact_items();
            let held = items[0].condition_check().unwrap();
            let (sk, condition) = put(&items[1]).unwrap();
            held.key()["sk"].as_s().unwrap() == "lock"
                && held.condition_expression() == "deployment = :me"
                && sk == "infrastructure#platform"
                && condition == "attribute_not_exists(pk) OR body = :known OR body = :wanted"
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&written]), "ledger");
    let from = BuildRecord::default();
    let recorded = ledger
        .put_build_record(&me(), "platform", &from, &begun())
        .await;
    assert_eq!(recorded.unwrap(), Recorded::Written);
    assert_eq!(written.num_calls(), 1);
}

/// Refuses the first (the lock) or the second (the record) of the two.
async fn refused(lock: bool) -> Recorded {
    let refused = mock!(Client::transact_write_items).then_error(move || {
        let reason = |refused: bool, item: HashMap<String, AttributeValue>| {
            let reason = CancellationReason::builder();
            if refused {
                let reason = reason.code("ConditionalCheckFailed");
                reason.set_item(Some(item)).build()
            } else {
                reason.code("None").build()
            }
        };
        let other = AttributeValue::S("01JD5Q6Z9G0000000000000000".into());
        let fence = AttributeValue::N("8".into());
        let item = HashMap::from([("deployment".into(), other), ("fence".into(), fence)]);
        let cancelled = TransactionCanceledException::builder()
            .cancellation_reasons(reason(lock, item.clone()))
            .cancellation_reasons(reason(!lock, HashMap::new()))
            .build();
        TransactWriteItemsError::TransactionCanceledException(cancelled)
    });
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&refused]);
    let ledger = Ledger::new(client, "ledger");
    let nothing = BuildRecord::default();
    let recorded = ledger
        .put_build_record(&me(), "platform", &begun(), &nothing)
        .await;
    recorded.unwrap()
}

#[tokio::test]
async fn who_lost_the_lock_or_came_second_writes_nothing() {
    assert_eq!(refused(false).await, Recorded::Changed);
    assert!(!refused(false).await.is_written().unwrap());
    let lost = refused(true).await;
    let error = lost.is_written().unwrap_err().to_string();
    assert_eq!(
        error,
        "halted by the lock's new holder, deployment 01JD5Q6Z9G0000000000000000"
    );
}
