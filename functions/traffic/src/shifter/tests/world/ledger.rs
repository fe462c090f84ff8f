//! The ledger of that world: the lock, the plan, and questions with what became of them.

use std::collections::HashMap;

use aws_sdk_dynamodb::Client as DynamoDb;
use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
use aws_sdk_dynamodb::operation::transact_write_items::{
    TransactWriteItemsError, TransactWriteItemsOutput,
};
use aws_sdk_dynamodb::types::error::TransactionCanceledException;
use aws_sdk_dynamodb::types::{AttributeValue, CancellationReason, Update};
use aws_smithy_mocks::{MockResponse, RuleMode, mock, mock_client};
use lockstep::question::Question;
use lockstep_ledger::Ledger;
use serde_json::Value;

use super::{ID, World};

pub(super) type Item = HashMap<String, AttributeValue>;

impl World {
    /// A question as it is in the ledger.
    pub(in crate::shifter::tests) fn question(&self, what: &str) -> Question {
        let item = self.state().questions[&format!("question#{what}")].clone();
        let json = |name: &str| {
            let json = item.get(name)?.as_s().unwrap();
            Some(serde_json::from_str(json).unwrap())
        };
        let question: Value = json("body").unwrap();
        Question {
            withdrawn: json("withdrawn").map(|it| serde_json::from_value(it).unwrap()),
            ..serde_json::from_value(question).unwrap()
        }
    }

    /// Writes something to a question, as a person's command does.
    pub(in crate::shifter::tests) fn write(&self, what: &str, attribute: &str, value: &Value) {
        let mut state = self.state();
        let item = state
            .questions
            .get_mut(&format!("question#{what}"))
            .unwrap();
        item.insert(attribute.to_owned(), text(&value.to_string()));
    }

    pub(super) fn ledger(&self) -> Ledger {
        let world = self.clone();
        let write = mock!(DynamoDb::transact_write_items).then_compute_response(move |input| {
            let update = input.transact_items()[0].update().unwrap();
            match world.refusal(update) {
                None => MockResponse::Output(TransactWriteItemsOutput::builder().build()),
                Some(standing) => MockResponse::Error(refused(standing)),
            }
        });
        let world = self.clone();
        let get = mock!(DynamoDb::get_item).then_compute_response(move |input| {
            let key = input.key().unwrap()["sk"].as_s().unwrap();
            let item = match key.as_str() {
                "plan" => Some(item(&world.plan())),
                "lock" => Some(lock(&world.state().holder)),
                key => world.state().questions.get(key).cloned(),
            };
            let output = GetItemOutput::builder().set_item(item);
            MockResponse::Output(output.build())
        });
        let client = mock_client!(aws_sdk_dynamodb, RuleMode::MatchAny, [&write, &get]);
        Ledger::new(client, "ledger")
    }

    /// Writes what may be written, or gives the item that stands in its way.
    fn refusal(&self, update: &Update) -> Option<Item> {
        let mut state = self.state();
        let key = update.key()["sk"].as_s().unwrap();
        if key == "lock" {
            return (state.holder != ID).then(|| lock(&state.holder));
        }
        let asks = update.condition_expression() == Some("attribute_not_exists(body)");
        let before = state.questions.get(key).cloned().unwrap_or_default();
        let ended = before.contains_key("answer") || before.contains_key("withdrawn");
        if before.is_empty() != asks || ended {
            return Some(before);
        }
        let mut item = before;
        for (name, value) in update.expression_attribute_values().unwrap() {
            item.insert(name.trim_start_matches(':').to_owned(), value.clone());
        }
        state.questions.insert(key.clone(), item);
        None
    }
}

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

fn item(body: &Value) -> Item {
    HashMap::from([
        ("pk".to_owned(), text("p")),
        ("sk".to_owned(), text("s")),
        ("body".to_owned(), text(&body.to_string())),
    ])
}

fn lock(holder: &str) -> Item {
    HashMap::from([
        ("pk".to_owned(), text("env#shop#production")),
        ("sk".to_owned(), text("lock")),
        ("deployment".to_owned(), text(holder)),
        ("fence".to_owned(), AttributeValue::N("3".into())),
    ])
}

fn refused(standing: Item) -> TransactWriteItemsError {
    let reason = CancellationReason::builder().code("ConditionalCheckFailed");
    let reason = reason.set_item(Some(standing)).build();
    let error = TransactionCanceledException::builder().cancellation_reasons(reason);
    TransactWriteItemsError::TransactionCanceledException(error.build())
}
