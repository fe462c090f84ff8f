//! What the ledger makes of DynamoDB's answers about questions.

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
use jiff::{SignedDuration, Timestamp};
use lockstep::DeploymentId;
use lockstep::question::{Answer, Choice, Question, Withdrawn};
use lockstep::record::DeploymentRef;
use lockstep_ledger::{Answered, Ledger};
use serde_json::json;

const ME: &str = "01JD5Q6Z8G0000000000000000";

type Item = HashMap<String, AttributeValue>;

fn now() -> Timestamp {
    "2026-11-20T10:00:00Z".parse().unwrap()
}

fn me() -> DeploymentRef {
    DeploymentRef {
        id: DeploymentId::parse(ME).unwrap(),
        application: "shop".to_owned(),
        environment: "production".to_owned(),
    }
}

fn question() -> Question {
    Question {
        what: "traffic-20".to_owned(),
        text: "Go on?".to_owned(),
        live: "20 %".to_owned(),
        fence: 7,
        asked_at: now(),
        ends_at: now() + SignedDuration::from_hours(1),
        answer: None,
        withdrawn: None,
    }
}

fn answer(by: &str, choice: Choice) -> Answer {
    Answer {
        choice,
        by: by.to_owned(),
        reason: None,
        at: now(),
    }
}

/// The item of the question, with these attributes beside it.
fn item(attributes: &[(&str, String)]) -> Item {
    let body = serde_json::to_string(&question()).unwrap();
    let mut item = Item::from([("body".to_owned(), AttributeValue::S(body))]);
    for (name, value) in attributes {
        item.insert((*name).to_owned(), AttributeValue::S(value.clone()));
    }
    item
}

fn cancelled(reasons: &[Option<Item>]) -> TransactWriteItemsError {
    let reasons = reasons.iter().map(|item| {
        let code = if item.is_some() {
            "ConditionalCheckFailed"
        } else {
            "None"
        };
        let reason = CancellationReason::builder().code(code);
        reason.set_item(item.clone()).build()
    });
    let exception = TransactionCanceledException::builder()
        .set_cancellation_reasons(Some(reasons.collect()))
        .build();
    TransactWriteItemsError::TransactionCanceledException(exception)
}

/// A ledger whose transactions are refused like this, and whose items are all like this one.
fn refusing(reasons: Vec<Option<Item>>, item: Option<Item>) -> Ledger {
    let write = mock!(Client::transact_write_items).then_error(move || cancelled(&reasons));
    let get = mock!(Client::get_item)
        .then_output(move || GetItemOutput::builder().set_item(item.clone()).build());
    let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&write, &get]);
    Ledger::new(client, "ledger")
}

async fn answered(reasons: Vec<Option<Item>>) -> Answered {
    let ledger = refusing(reasons, None);
    let answer = answer("ann", Choice::Proceed);
    ledger.answer(&me(), &question(), &answer).await.unwrap()
}

#[tokio::test]
async fn an_answer_is_one_write_that_asks_for_everything() {
    let rule = mock!(Client::transact_write_items)
        .match_requests(|request| {
            let [given, held] = request.transact_items() else {
                return false;
            };
            is_answer(given) && is_check(held)
        })
        .then_output(|| TransactWriteItemsOutput::builder().build());
    let ledger = Ledger::new(mock_client!(aws_sdk_dynamodb, [&rule]), "ledger");
    let answer = answer("ann", Choice::Proceed);
    let answered = ledger.answer(&me(), &question(), &answer).await.unwrap();
    assert_eq!(answered, Answered::Given);
}

fn is_answer(item: &TransactWriteItem) -> bool {
    let update = item.update().unwrap();
    let condition = update.condition_expression().unwrap();
    update.key()["sk"].as_s().unwrap() == "question#traffic-20"
        && condition
            == "attribute_exists(body) AND attribute_not_exists(answer) AND attribute_not_exists(withdrawn) AND ends_ms > :now"
}

fn is_check(item: &TransactWriteItem) -> bool {
    let check = item.condition_check().unwrap();
    check.key()["sk"].as_s().unwrap() == "lock"
        && check.condition_expression() == "deployment = :me AND fence = :fence"
}

#[tokio::test]
async fn every_reason_for_which_an_answer_does_not_count_is_told_apart() {
    assert_eq!(
        answered(vec![Some(Item::new()), None]).await,
        Answered::NoQuestion
    );
    let before = answer("bob", Choice::Stop);
    let by_bob = item(&[("answer", json!(before).to_string())]);
    assert_eq!(
        answered(vec![Some(by_bob), None]).await,
        Answered::Before(before)
    );
    let withdrawn = Withdrawn {
        at: now(),
        failure: None,
    };
    let over = item(&[("withdrawn", json!(withdrawn).to_string())]);
    assert_eq!(
        answered(vec![Some(over), None]).await,
        Answered::Withdrawn(withdrawn)
    );
    assert_eq!(
        answered(vec![Some(item(&[])), None]).await,
        Answered::TooLate
    );
    let lost = Some(Item::new());
    assert_eq!(answered(vec![None, lost]).await, Answered::Unwinding);
}

#[tokio::test]
async fn the_same_answer_again_is_the_same_answer() {
    let mine = json!(answer("ann", Choice::Proceed)).to_string();
    let mine = item(&[("answer", mine)]);
    assert_eq!(answered(vec![Some(mine), None]).await, Answered::Given);
}

#[tokio::test]
async fn a_question_that_was_asked_before_stands_as_it_was() {
    let given = answer("ann", Choice::Proceed);
    let standing = item(&[("answer", json!(given).to_string())]);
    let ledger = refusing(vec![Some(standing)], None);
    let again = Question {
        text: "other numbers".to_owned(),
        ..question()
    };
    let asked = ledger.ask(&me().id, &again).await.unwrap();
    let expected = Question {
        answer: Some(given),
        ..question()
    };
    assert_eq!(asked, expected);
}

#[tokio::test]
async fn an_answer_that_came_first_outlives_withdrawing() {
    let given = answer("ann", Choice::Stop);
    let standing = item(&[("answer", json!(given).to_string())]);
    let ledger = refusing(vec![Some(standing)], None);
    let id = me().id;
    let withdrawn = ledger.withdraw(&id, "traffic-20", None, now()).await;
    assert_eq!(withdrawn.unwrap().unwrap().answer, Some(given));
    let never = refusing(vec![Some(Item::new())], None);
    let withdrawn = never.withdraw(&id, "traffic-20", None, now()).await;
    assert_eq!(withdrawn.unwrap(), None);
}

#[tokio::test]
async fn an_unreadable_question_is_no_answer() {
    let spoilt = item(&[("answer", "{".to_owned())]);
    let ledger = refusing(Vec::new(), Some(spoilt));
    let error = ledger.question(&me().id, "traffic-20").await.unwrap_err();
    assert!(error.to_string().contains("answer: "), "{error}");
}
