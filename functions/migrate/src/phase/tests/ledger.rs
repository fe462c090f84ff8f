//! A small ledger: items in memory, and as much of DynamoDB's expressions as is used.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use lockstep_ledger::Ledger;
use serde_json::Value;

type Item = HashMap<String, AttributeValue>;

/// The table, by sort key: all of these tests are about one deployment.
#[derive(Clone, Default)]
pub(super) struct Table(Arc<Mutex<BTreeMap<String, Item>>>);

impl Table {
    pub(super) fn ledger(&self) -> Ledger {
        let (reads, writes) = (self.clone(), self.clone());
        let get = mock!(Client::get_item).then_compute_response(move |input| {
            let key = input.key().unwrap()["sk"].as_s().unwrap().clone();
            let item = reads.0.lock().unwrap().get(&key).cloned();
            MockResponse::Output(GetItemOutput::builder().set_item(item).build())
        });
        let write = mock!(Client::transact_write_items).then_compute_response(move |input| {
            let mut table = writes.0.lock().unwrap();
            let items = input.transact_items();
            let refused: Vec<_> = items.iter().map(|item| refusal(&table, item)).collect();
            if refused.iter().any(Option::is_some) {
                return MockResponse::Error(cancelled(refused));
            }
            for update in items.iter().filter_map(|item| item.update()) {
                set(&mut table, update);
            }
            MockResponse::Output(TransactWriteItemsOutput::builder().build())
        });
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&get, &write]);
        Ledger::new(client, "ledger")
    }

    pub(super) fn put(&self, key: &str, attributes: &[(&str, &str)]) {
        let mut table = self.0.lock().unwrap();
        let item = table.entry(key.to_owned()).or_insert_with(|| named(key));
        for (name, value) in attributes {
            item.insert((*name).to_owned(), AttributeValue::S((*value).to_owned()));
        }
    }

    pub(super) fn text(&self, key: &str, attribute: &str) -> Option<String> {
        let table = self.0.lock().unwrap();
        Some(table.get(key)?.get(attribute)?.as_s().unwrap().clone())
    }

    pub(super) fn body(&self, key: &str) -> Value {
        let text = self.text(key, "body");
        text.map_or(Value::Null, |text| serde_json::from_str(&text).unwrap())
    }
}

fn named(key: &str) -> Item {
    let text = |text: &str| AttributeValue::S(text.to_owned());
    HashMap::from([("pk".to_owned(), text("p")), ("sk".to_owned(), text(key))])
}

/// The item that stands in the way of a write.
fn refusal(
    table: &BTreeMap<String, Item>,
    item: &aws_sdk_dynamodb::types::TransactWriteItem,
) -> Option<Item> {
    let (key, condition, values) = match (item.update(), item.condition_check()) {
        (Some(update), _) => (
            update.key(),
            update.condition_expression(),
            update.expression_attribute_values(),
        ),
        (None, Some(check)) => (
            check.key(),
            Some(check.condition_expression()),
            check.expression_attribute_values(),
        ),
        (None, None) => unreachable!("{item:?}"),
    };
    let standing = table.get(key["sk"].as_s().unwrap());
    let standing = standing.cloned().unwrap_or_default();
    let holds = |one: &str| {
        if let Some(name) = one.strip_prefix("attribute_not_exists(") {
            return !standing.contains_key(name.trim_end_matches(')'));
        }
        let (name, value) = one.split_once(" = ").unwrap();
        standing.get(name) == values.unwrap().get(value)
    };
    let allowed = condition.is_none_or(|it| it.split(" OR ").any(holds));
    (!allowed).then_some(standing)
}

fn set(table: &mut BTreeMap<String, Item>, update: &aws_sdk_dynamodb::types::Update) {
    let key = update.key()["sk"].as_s().unwrap();
    let item = table.entry(key.clone()).or_insert_with(|| named(key));
    let values = update.expression_attribute_values().unwrap();
    let clauses = update.update_expression().strip_prefix("SET ").unwrap();
    for clause in clauses.replace(", :", "|:").split(", ") {
        let (name, value) = clause.split_once(" = ").unwrap();
        let first = value.strip_prefix("if_not_exists(");
        let value = first.map_or(value, |it| it.split('|').nth(1).unwrap());
        let value = values[value.trim_end_matches(')')].clone();
        if first.is_none() || !item.contains_key(name) {
            item.insert(name.to_owned(), value);
        }
    }
}

fn cancelled(refused: Vec<Option<Item>>) -> TransactWriteItemsError {
    let reasons = refused.into_iter().map(|standing| {
        let code = if standing.is_some() {
            "ConditionalCheckFailed"
        } else {
            "None"
        };
        let reason = CancellationReason::builder().code(code);
        reason.set_item(standing).build()
    });
    let error = TransactionCanceledException::builder();
    let error = error.set_cancellation_reasons(Some(reasons.collect()));
    TransactWriteItemsError::TransactionCanceledException(error.build())
}
