//! Plans that grow once: first their stacks, then the rest.

#![allow(
    clippy::unwrap_used,
    missing_docs,
    reason = "a test may stop at the first surprise"
)]

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsInput, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Put};
use aws_smithy_mocks::{RuleMode, mock, mock_client};
use lockstep::DeploymentId;
use lockstep::plan::Plan;
use lockstep_ledger::Ledger;
use serde_json::json;

fn id() -> DeploymentId {
    DeploymentId::parse("01JD5Q6Z8G0000000000000000").unwrap()
}

/// A plan of so many steps.
fn plan(steps: u32) -> Plan {
    let change = json!({
        "deployment": "d", "application": "a", "environment": "e", "functions": [], "rate_per_second": 15,
        "deadline_seconds": 60, "phase": "functions",
    });
    let step = |number| json!({"number": number, "target": "t", "before": "x", "after": "y", "change": change});
    let steps: Vec<_> = (0..steps).map(step).collect();
    serde_json::from_value(
        json!({"release": {"manifest_version": 1, "artifacts": {}}, "steps": steps}),
    )
    .unwrap()
}

fn puts(request: &TransactWriteItemsInput) -> Vec<&Put> {
    let items = request.transact_items().iter();
    items.filter_map(|item| item.put()).collect()
}

fn sort_key(put: &Put) -> &str {
    put.item()["sk"].as_s().unwrap()
}

#[tokio::test]
async fn a_plan_of_stacks_says_that_more_is_to_come() {
    let write = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let puts = puts(request);
            let stage = puts[0].item().get("stage");
            sort_key(puts[0]) == "plan"
                && puts[0].condition_expression() == Some("attribute_not_exists(pk)")
                && stage == Some(&AttributeValue::S("infrastructure".to_owned()))
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&write]), "ledger");
    let stacks = plan(1).of_infrastructure();
    assert_eq!(
        ledger.put_plan(&id(), stacks.clone()).await.unwrap(),
        stacks
    );
}

#[tokio::test]
async fn only_what_was_added_is_written_and_the_plan_is_whole_then() {
    let standing = serde_json::to_string(&plan(1).of_infrastructure()).unwrap();
    let read = mock!(Client::get_item).then_output(move || {
        GetItemOutput::builder()
            .item("body", AttributeValue::S(standing.clone()))
            .build()
    });
    let write = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let puts = puts(request);
            let keys: Vec<_> = puts.iter().map(|put| sort_key(put)).collect();
            keys == ["plan", "step#0001", "step#0002"]
                && puts[0].condition_expression() == Some("stage = :stage")
                && !puts[0].item().contains_key("stage")
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&read, &write]);
    let ledger = Ledger::new(client, "ledger");
    assert_eq!(
        ledger
            .extend_plan(&id(), plan(3))
            .await
            .unwrap()
            .steps
            .len(),
        3
    );
}

#[tokio::test]
async fn the_first_extension_stands() {
    let standing = plan(2);
    let body = serde_json::to_string(&standing).unwrap();
    let read = mock!(Client::get_item).then_output(move || {
        GetItemOutput::builder()
            .item("body", AttributeValue::S(body.clone()))
            .build()
    });
    let refused = mock!(Client::transact_write_items).then_error(|| {
        let reason = CancellationReason::builder()
            .code("ConditionalCheckFailed")
            .build();
        let exception = TransactionCanceledException::builder()
            .cancellation_reasons(reason)
            .build();
        TransactWriteItemsError::TransactionCanceledException(exception)
    });
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&read, &refused]);
    let ledger = Ledger::new(client, "ledger");
    assert_eq!(ledger.extend_plan(&id(), plan(3)).await.unwrap(), standing);
}
