//! Transactions, and the plain reads.

use aws_sdk_dynamodb::Config;
use aws_sdk_dynamodb::error::SdkError;
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};

use aws_smithy_runtime_api::client::interceptors::context::InterceptorContext;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::retries::classifiers::{ClassifyRetry, RetryAction};

use crate::Ledger;
use crate::error::LedgerError;
use crate::item::{Item, key_item};
use crate::keys::Key;

/// What became of a transaction.
pub(crate) enum Outcome {
    /// Everything was written.
    Written,
    /// Nothing was written: one entry a write, in order, `Some` with the item as it is
    /// where that write's condition did not hold (empty when there is no such item).
    Refused(Vec<Option<Item>>),
}

/// The writes of one transaction, at most 100.
#[derive(Default)]
pub(crate) struct Transaction {
    items: Vec<TransactWriteItem>,
}

/// Values and condition of one write.
#[derive(Default)]
pub(crate) struct Expression {
    update: Option<&'static str>,
    condition: Option<&'static str>,
    values: Vec<(&'static str, AttributeValue)>,
}

impl Expression {
    pub(crate) fn update(update: &'static str) -> Self {
        Self {
            update: Some(update),
            ..Self::default()
        }
    }

    pub(crate) fn when(condition: &'static str) -> Self {
        Self {
            condition: Some(condition),
            ..Self::default()
        }
    }

    pub(crate) fn only_when(mut self, condition: &'static str) -> Self {
        self.condition = Some(condition);
        self
    }

    pub(crate) fn value(mut self, name: &'static str, value: AttributeValue) -> Self {
        self.values.push((name, value));
        self
    }

    fn attribute_values(&mut self) -> Option<Item> {
        let values = std::mem::take(&mut self.values);
        (!values.is_empty()).then(|| {
            values
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value))
                .collect()
        })
    }
}

/// `build()` of the SDK's item types fails only when a required member is missing; all
/// of them are set right where it is called.
fn built<T, E: std::fmt::Display>(result: Result<T, E>) -> Result<T, LedgerError> {
    result.map_err(|error| LedgerError::Unreadable {
        item: "transaction".to_owned(),
        reason: error.to_string(),
    })
}

impl Transaction {
    pub(crate) fn put(
        &mut self,
        ledger: &Ledger,
        item: Item,
        mut expression: Expression,
    ) -> Result<&mut Self, LedgerError> {
        let put = Put::builder()
            .table_name(&ledger.table)
            .set_item(Some(item))
            .set_expression_attribute_values(expression.attribute_values())
            .set_condition_expression(expression.condition.map(str::to_owned))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.items.push(
            TransactWriteItem::builder()
                .put(built(put.build())?)
                .build(),
        );
        Ok(self)
    }

    pub(crate) fn update(
        &mut self,
        ledger: &Ledger,
        key: Key,
        mut expression: Expression,
    ) -> Result<&mut Self, LedgerError> {
        let update = Update::builder()
            .table_name(&ledger.table)
            .set_key(Some(key_item(key)))
            .set_expression_attribute_values(expression.attribute_values())
            .set_update_expression(expression.update.map(str::to_owned))
            .set_condition_expression(expression.condition.map(str::to_owned))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.items.push(
            TransactWriteItem::builder()
                .update(built(update.build())?)
                .build(),
        );
        Ok(self)
    }

    pub(crate) fn delete(&mut self, ledger: &Ledger, key: Key) -> Result<&mut Self, LedgerError> {
        let delete = Delete::builder()
            .table_name(&ledger.table)
            .set_key(Some(key_item(key)));
        self.items.push(
            TransactWriteItem::builder()
                .delete(built(delete.build())?)
                .build(),
        );
        Ok(self)
    }

    /// Writes nothing, and refuses everything else where the condition does not hold. Takes the
    /// permission `dynamodb:ConditionCheckItem`.
    pub(crate) fn check(
        &mut self,
        ledger: &Ledger,
        key: Key,
        mut expression: Expression,
    ) -> Result<&mut Self, LedgerError> {
        let check = ConditionCheck::builder()
            .table_name(&ledger.table)
            .set_key(Some(key_item(key)))
            .set_expression_attribute_values(expression.attribute_values())
            .set_condition_expression(expression.condition.map(str::to_owned))
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld);
        self.items.push(
            TransactWriteItem::builder()
                .condition_check(built(check.build())?)
                .build(),
        );
        Ok(self)
    }

    /// Writes everything or nothing.
    ///
    /// All steps of a deployment renew one lease, so that their transactions meet at the lock
    /// every few seconds. Such a conflict passes within milliseconds and is tried again by the
    /// SDK: it must not use up the retries that a state has for real trouble. One that stays
    /// is [`LedgerError::Contended`].
    pub(crate) async fn commit(self, ledger: &Ledger) -> Result<Outcome, LedgerError> {
        let sent = ledger
            .client
            .transact_write_items()
            .set_transact_items(Some(self.items))
            .customize()
            .config_override(Config::builder().retry_classifier(Conflicts))
            .send()
            .await;
        match sent {
            Ok(_) => Ok(Outcome::Written),
            Err(error) => refusal(&error),
        }
    }
}

/// Tells the SDK to try again after a conflict with another transaction. By itself it does
/// not: most cancellations are final.
#[derive(Debug)]
struct Conflicts;

impl ClassifyRetry for Conflicts {
    fn classify_retry(&self, context: &InterceptorContext) -> RetryAction {
        let conflict = matches!(context.output_or_error(), Some(Err(error))
            if error.as_operation_error()
                .and_then(|error| error.downcast_ref::<TransactWriteItemsError>())
                .is_some_and(is_conflict));
        if conflict {
            RetryAction::transient_error()
        } else {
            RetryAction::NoActionIndicated
        }
    }

    fn name(&self) -> &'static str {
        "TransactionConflicts"
    }
}

/// Whether nothing but other transactions stood in the way.
fn is_conflict(error: &TransactWriteItemsError) -> bool {
    let TransactWriteItemsError::TransactionCanceledException(cancelled) = error else {
        return false;
    };
    let codes = || {
        cancelled
            .cancellation_reasons()
            .iter()
            .filter_map(|reason| reason.code())
    };
    codes().any(|code| code == "TransactionConflict")
        && codes().all(|code| matches!(code, "None" | "TransactionConflict"))
}

fn refusal(
    error: &SdkError<TransactWriteItemsError, HttpResponse>,
) -> Result<Outcome, LedgerError> {
    let Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) =
        error.as_service_error()
    else {
        return Err(LedgerError::sdk("dynamodb:TransactWriteItems", error));
    };
    let mut refused = Vec::new();
    for reason in cancelled.cancellation_reasons() {
        match reason.code() {
            None | Some("None") => refused.push(None),
            Some("ConditionalCheckFailed") => {
                refused.push(Some(reason.item().cloned().unwrap_or_default()));
            }
            Some(code) => {
                return Err(LedgerError::Contended {
                    what: format!(
                        "{code}: {}",
                        reason.message().unwrap_or("the transaction was cancelled")
                    ),
                });
            }
        }
    }
    Ok(Outcome::Refused(refused))
}

impl Ledger {
    /// One item, strongly consistent.
    pub(crate) async fn get(&self, key: Key) -> Result<Option<Item>, LedgerError> {
        let sent = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key_item(key)))
            .consistent_read(true)
            .send()
            .await;
        sent.map(|output| output.item)
            .map_err(|error| LedgerError::sdk("dynamodb:GetItem", &error))
    }

    /// The items of a partition whose sort keys lie in `from..=to`, strongly consistent.
    pub(crate) async fn range(
        &self,
        pk: String,
        from: &str,
        to: &str,
    ) -> Result<Vec<Item>, LedgerError> {
        let mut pages = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
            .expression_attribute_values(":pk", AttributeValue::S(pk))
            .expression_attribute_values(":from", AttributeValue::S(from.to_owned()))
            .expression_attribute_values(":to", AttributeValue::S(to.to_owned()))
            .consistent_read(true)
            .into_paginator()
            .items()
            .send();
        let mut items = Vec::new();
        while let Some(item) = pages.next().await {
            items.push(item.map_err(|error| LedgerError::sdk("dynamodb:Query", &error))?);
        }
        Ok(items)
    }
}
