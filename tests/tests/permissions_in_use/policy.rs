//! What a role allows, held against what was called.

use std::collections::BTreeMap;

use lockstep_cli::local::gateway::Call;
use serde_json::Value;

use crate::template::{Template, texts};

/// The roles of all functions, by function name.
pub struct Roles(BTreeMap<String, Vec<Statement>>);

struct Statement {
    actions: Vec<String>,
    /// Prefixes of the table keys it is restricted to.
    keys: Option<Vec<String>>,
}

impl Roles {
    pub fn of_template() -> Self {
        let template = Template::load();
        let roles = template.all("AWS::IAM::Role").filter_map(|(name, role)| {
            let function = kebab(name.strip_suffix("Role")?);
            Some((format!("lockstep{function}"), statements(role)))
        });
        Self(roles.collect())
    }

    /// Why AWS would refuse a call; `None` when it would not, or when no function made it.
    pub fn refusal(&self, call: &Call) -> Option<String> {
        let role = self.0.get(&call.name.caller)?;
        let keys = keys(&call.request);
        let missing = actions(call)
            .into_iter()
            .find(|action| !role.iter().any(|one| one.allows(action, &keys)))?;
        Some(format!("{}: {missing} on {keys:?}", call.name.caller))
    }
}

impl Statement {
    fn allows(&self, action: &str, keys: &[&str]) -> bool {
        let within = |key: &&str| match &self.keys {
            Some(prefixes) => prefixes.iter().any(|prefix| key.starts_with(prefix)),
            None => true,
        };
        self.actions.iter().any(|one| one == action) && keys.iter().all(within)
    }
}

/// `-plan-functions` for `PlanFunctions`.
fn kebab(name: &str) -> String {
    let letter = |letter: char| match letter {
        upper if upper.is_ascii_uppercase() => format!("-{}", upper.to_ascii_lowercase()),
        other => other.to_string(),
    };
    name.chars().map(letter).collect()
}

fn statements(role: &Value) -> Vec<Statement> {
    let policies = role["Policies"].as_array().unwrap().iter();
    let statements =
        policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap());
    let read = |statement: &Value| {
        let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
        let prefixes = || {
            texts(keys)
                .into_iter()
                .map(|key| key.trim_end_matches('*').to_owned())
                .collect()
        };
        Statement {
            actions: texts(&statement["Action"])
                .into_iter()
                .map(str::to_owned)
                .collect(),
            keys: (!keys.is_null()).then(prefixes),
        }
    };
    let allowed = statements.filter(|statement| statement["Effect"] == "Allow");
    allowed.map(read).collect()
}

/// The permissions that one call needs. A transaction needs those of its items.
fn actions(call: &Call) -> Vec<String> {
    let name = &call.name;
    match (name.service.as_str(), name.operation.as_str()) {
        ("dynamodb", "TransactWriteItems") => ["Put", "Update", "Delete", "ConditionCheck"]
            .into_iter()
            .filter(|kind| call.request.contains(&format!("{{\"{kind}\":")))
            .map(|kind| format!("dynamodb:{kind}Item"))
            .collect(),
        ("lambda", "Invoke") => vec!["lambda:InvokeFunction".to_owned()],
        ("s3", "HeadObject") => vec!["s3:GetObject".to_owned()],
        ("s3", "CopyObject") => vec!["s3:GetObjectVersion".to_owned(), "s3:PutObject".to_owned()],
        // The registry protocol has no signature and needs no permission of its own.
        ("registry", _) => Vec::new(),
        (service, operation) => vec![format!("{service}:{operation}")],
    }
}

/// The partition keys in a request to DynamoDB, also in one that was cut off.
fn keys(request: &str) -> Vec<&str> {
    let markers = ["\"pk\":{\"S\":\"", "\":pk\":{\"S\":\""];
    let after = markers
        .into_iter()
        .flat_map(|marker| request.split(marker).skip(1));
    after.filter_map(|rest| rest.split('"').next()).collect()
}
