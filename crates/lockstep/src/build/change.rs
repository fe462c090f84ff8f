//! What a plan build says, and what an apply build gives to others.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The type by which a plan build names an output that would change: no resource, but a reason to
/// apply.
pub const OUTPUT: &str = "output";

/// How many bytes `changes.json` may have.
const CHANGES_LIMIT: usize = 256 * 1024;
/// How many bytes `outputs.json` may have.
const OUTPUTS_LIMIT: usize = 64 * 1024;
/// How many outputs an apply build may give.
const OUTPUTS: usize = 200;
/// The longest detail that is kept, in characters.
const DETAIL: usize = 200;

/// What would be done to one resource, as `changes.json` says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InfrastructureChange {
    /// Its address in the tool's own words: `module.db.aws_db_instance.this[0]`.
    pub resource: String,
    /// Its type: `aws_db_instance`, `aws:rds/instance:Instance`, `AWS::RDS::DBInstance`.
    #[serde(rename = "type")]
    pub kind: String,
    /// What is done to it.
    pub action: Action,
    /// What of it changes, in a few words of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
}

/// What is done to a resource. The worst comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It is gone afterwards.
    Delete,
    /// Another one takes its place.
    Replace,
    /// It is changed.
    Update,
    /// It is new.
    Create,
}

impl Action {
    /// The sign that people know from these tools.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Delete => "-",
            Self::Replace => "-/+",
            Self::Update => "~",
            Self::Create => "+",
        }
    }

    const fn word(self) -> &'static str {
        match self {
            Self::Delete => "deleted",
            Self::Replace => "replaced",
            Self::Update => "changed",
            Self::Create => "created",
        }
    }
}

impl InfrastructureChange {
    /// The change in one line: `~ aws_db_instance.main (instance_class a -> b)`.
    pub fn words(&self) -> String {
        let named = format!("{} {}", self.action.sign(), self.resource);
        match &self.detail {
            Some(detail) => format!("{named} ({detail})"),
            None => named,
        }
    }

    /// Whether something that is there is gone afterwards.
    pub fn destroys(&self) -> bool {
        matches!(self.action, Action::Delete | Action::Replace)
    }

    fn shortened(mut self) -> Self {
        self.detail = self.detail.take().and_then(|it| short(&it));
        self
    }
}

/// A detail in one line, not too long; nothing where it says nothing.
fn short(text: &str) -> Option<String> {
    let line = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let short = match line.char_indices().nth(DETAIL) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    };
    (!short.is_empty()).then_some(short)
}

/// How many resources are created, changed, replaced and deleted: `2 created, 1 changed`.
pub(super) fn counted(changes: &[InfrastructureChange]) -> String {
    let actions = [
        Action::Create,
        Action::Update,
        Action::Replace,
        Action::Delete,
    ];
    let resources: Vec<_> = changes.iter().filter(|it| it.kind != OUTPUT).collect();
    let counted = actions.into_iter().filter_map(|action| {
        let count = resources.iter().filter(|it| it.action == action).count();
        (count > 0).then(|| format!("{count} {}", action.word()))
    });
    let counted: Vec<_> = counted.collect();
    match (counted.is_empty(), changes.is_empty()) {
        (true, true) => "nothing to change".to_owned(),
        (true, false) => "only outputs changed".to_owned(),
        (false, _) => counted.join(", "),
    }
}

#[derive(Deserialize)]
struct Changes {
    changes: Vec<InfrastructureChange>,
}

/// Reads `changes.json`: what the plan build says, the worst first.
///
/// # Errors
/// What is wrong with it, in one clause.
pub fn read_changes(bytes: &[u8]) -> Result<Vec<InfrastructureChange>, String> {
    limited(bytes, CHANGES_LIMIT)?;
    let read: Changes = serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    let named = |it: &InfrastructureChange| !it.resource.trim().is_empty() && !it.kind.is_empty();
    if !read.changes.iter().all(named) {
        return Err("a change has no resource or no type".to_owned());
    }
    let changes = read.changes.into_iter();
    let mut changes: Vec<_> = changes.map(InfrastructureChange::shortened).collect();
    changes.sort_by_key(|it| it.action);
    Ok(changes)
}

/// Reads `outputs.json`: what the apply build gives to others.
///
/// # Errors
/// What is wrong with it, in one clause.
pub fn read_outputs(bytes: &[u8]) -> Result<BTreeMap<String, String>, String> {
    limited(bytes, OUTPUTS_LIMIT)?;
    let outputs: BTreeMap<String, String> =
        serde_json::from_slice(bytes).map_err(|error| error.to_string())?;
    if outputs.len() > OUTPUTS {
        return Err(format!(
            "it has {} outputs, and at most {OUTPUTS} are kept",
            outputs.len()
        ));
    }
    Ok(outputs)
}

fn limited(bytes: &[u8], limit: usize) -> Result<(), String> {
    if bytes.len() <= limit {
        return Ok(());
    }
    Err(format!(
        "it has {} KiB, and at most {} are read",
        bytes.len().div_ceil(1024),
        limit / 1024
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

    use super::{Action, counted, read_changes, read_outputs};
    use crate::build::testing::{change, texts};

    #[test]
    fn changes_are_read_with_the_worst_first() {
        let text = br#"{"changes": [
            {"resource": "aws_vpc.main", "type": "aws_vpc", "action": "create"},
            {"resource": "aws_db_instance.main", "type": "aws_db_instance", "action": "replace", "detail": " engine\n a -> b "}
        ]}"#;
        let changes = read_changes(text).unwrap();
        let words: Vec<_> = changes
            .iter()
            .map(super::InfrastructureChange::words)
            .collect();
        assert_eq!(
            words,
            ["-/+ aws_db_instance.main (engine a -> b)", "+ aws_vpc.main"]
        );
        assert!(changes[0].destroys() && !changes[1].destroys());
        assert_eq!(read_changes(br#"{"changes": []}"#).unwrap(), []);
    }

    #[test]
    fn what_is_no_list_of_changes_says_why() {
        let wrong = [
            (&b""[..], "EOF while parsing"),
            (b"[]", "invalid"),
            (b"{}", "missing field `changes`"),
            (
                br#"{"changes": [{"resource": "a", "type": "t", "action": "destroy"}]}"#,
                "unknown variant `destroy`",
            ),
            (
                br#"{"changes": [{"resource": " ", "type": "t", "action": "create"}]}"#,
                "no resource",
            ),
        ];
        for (text, expected) in wrong {
            let error = read_changes(text).unwrap_err();
            assert!(error.contains(expected), "{error}");
        }
        assert!(
            read_changes(&vec![b' '; 300 * 1024])
                .unwrap_err()
                .contains("300 KiB")
        );
    }

    #[test]
    fn outputs_are_texts() {
        assert_eq!(
            read_outputs(br#"{"a": "1"}"#).unwrap(),
            texts(&[("a", "1")])
        );
        assert!(
            read_outputs(br#"{"a": 1}"#)
                .unwrap_err()
                .contains("expected a string")
        );
    }

    #[test]
    fn changes_are_counted_without_outputs() {
        let output = change("output.id", "output", Action::Update);
        let made = change("a", "t", Action::Create);
        let gone = change("b", "t", Action::Delete);
        assert_eq!(counted(&[]), "nothing to change");
        assert_eq!(
            counted(std::slice::from_ref(&output)),
            "only outputs changed"
        );
        assert_eq!(
            counted(&[gone, made.clone(), made, output]),
            "2 created, 1 deleted"
        );
    }
}
