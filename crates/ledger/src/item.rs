//! Reading and writing items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::LedgerError;
use crate::keys::Key;

/// An item as the SDK has it.
pub(crate) type Item = HashMap<String, AttributeValue>;

pub(crate) fn text(value: impl Into<String>) -> AttributeValue {
    AttributeValue::S(value.into())
}

pub(crate) fn number(value: impl std::fmt::Display) -> AttributeValue {
    AttributeValue::N(format!("{value}"))
}

/// The two key attributes.
pub(crate) fn key_item(key: Key) -> Item {
    Item::from([
        ("pk".to_owned(), text(key.pk)),
        ("sk".to_owned(), text(key.sk)),
    ])
}

/// An item of a key and a JSON body.
pub(crate) fn body_item<T: Serialize>(key: Key, body: &T) -> Result<Item, LedgerError> {
    let json = json(&key, body)?;
    let mut item = key_item(key);
    item.insert("body".to_owned(), text(json));
    Ok(item)
}

pub(crate) fn json<T: Serialize>(key: &Key, body: &T) -> Result<String, LedgerError> {
    serde_json::to_string(body).map_err(|error| LedgerError::Unreadable {
        item: format!("{}/{}", key.pk, key.sk),
        reason: error.to_string(),
    })
}

/// The JSON body of an item.
pub(crate) fn body<T: DeserializeOwned>(item: &Item) -> Result<T, LedgerError> {
    let json = get_text(item, "body")?;
    serde_json::from_str(json).map_err(|error| unreadable(item, &format!("body: {error}")))
}

pub(crate) fn get_text<'a>(item: &'a Item, name: &str) -> Result<&'a str, LedgerError> {
    find_text(item, name)
        .ok_or_else(|| unreadable(item, &format!("attribute {name} is not a string")))
}

pub(crate) fn find_text<'a>(item: &'a Item, name: &str) -> Option<&'a str> {
    item.get(name)?.as_s().ok().map(String::as_str)
}

pub(crate) fn find_number(item: &Item, name: &str) -> Option<i64> {
    item.get(name)?.as_n().ok()?.parse().ok()
}

pub(crate) fn get_number(item: &Item, name: &str) -> Result<i64, LedgerError> {
    find_number(item, name)
        .ok_or_else(|| unreadable(item, &format!("attribute {name} is not a number")))
}

pub(crate) fn find_time(item: &Item, name: &str) -> Option<Timestamp> {
    find_text(item, name)?.parse().ok()
}

pub(crate) fn get_time(item: &Item, name: &str) -> Result<Timestamp, LedgerError> {
    find_time(item, name)
        .ok_or_else(|| unreadable(item, &format!("attribute {name} is not a time")))
}

/// The part of the sort key after `prefix`.
pub(crate) fn sk_after<'a>(item: &'a Item, prefix: &str) -> Option<&'a str> {
    find_text(item, "sk")?.strip_prefix(prefix)
}

pub(crate) fn unreadable(item: &Item, reason: &str) -> LedgerError {
    let part = |name| find_text(item, name).unwrap_or("?");
    LedgerError::Unreadable {
        item: format!("{}/{}", part("pk"), part("sk")),
        reason: reason.to_owned(),
    }
}

/// The TTL attribute's value for an item that is kept `days` days.
pub(crate) fn expires(now: Timestamp, days: i64) -> AttributeValue {
    number(now.as_second() + days * 86_400)
}
