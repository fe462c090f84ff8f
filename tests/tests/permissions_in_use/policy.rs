//! What a role allows, held against what was called.

use std::collections::BTreeMap;

use lockstep_cli::local::gateway::{Call, CallName};
use serde_json::Value;

use crate::template::{Template, texts};

/// How the template names the objects of the bucket of releases, and of those of sites.
const OBJECTS: [&str; 2] = [
    "${ReleasesBucket.Arn}/",
    "arn:${AWS::Partition}:s3:::${SiteBuckets}/",
];

/// The roles of all functions, by function name.
pub struct Roles(BTreeMap<String, Vec<Statement>>);

struct Statement {
    actions: Vec<String>,
    /// Prefixes of the table keys it is restricted to.
    keys: Option<Vec<String>>,
    /// Prefixes of a bucket's objects it is restricted to.
    objects: Option<Vec<String>>,
}

/// A permission that a call takes.
#[derive(Debug)]
struct Need {
    action: String,
    /// The object of a bucket that it is about.
    object: Option<String>,
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
        let missing = needs(call)
            .into_iter()
            .find(|need| !role.iter().any(|one| one.allows(need, &keys)))?;
        Some(format!("{}: {missing:?} on {keys:?}", call.name.caller))
    }
}

impl Statement {
    fn allows(&self, need: &Need, keys: &[&str]) -> bool {
        let within = |key: &&str| match &self.keys {
            Some(prefixes) => prefixes.iter().any(|prefix| key.starts_with(prefix)),
            None => true,
        };
        let covers = match (&self.objects, &need.object) {
            (Some(prefixes), Some(object)) => prefixes.iter().any(|it| object.starts_with(it)),
            (None, None) => true,
            _ => false,
        };
        covers && self.actions.contains(&need.action) && keys.iter().all(within)
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
    let allowed = statements.filter(|statement| statement["Effect"] == "Allow");
    allowed.map(statement).collect()
}

fn statement(statement: &Value) -> Statement {
    let keys = &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
    let prefix = |text: &str| text.trim_end_matches('*').to_owned();
    let objects: Vec<_> = texts(&statement["Resource"])
        .into_iter()
        .filter_map(|resource| {
            let mut all = OBJECTS.iter();
            all.find_map(|it| resource.strip_prefix(it))
        })
        .map(prefix)
        .collect();
    let actions = texts(&statement["Action"]).into_iter();
    Statement {
        actions: actions.map(str::to_owned).collect(),
        keys: (!keys.is_null()).then(|| texts(keys).into_iter().map(prefix).collect()),
        objects: (!objects.is_empty()).then_some(objects),
    }
}

/// The permissions that one call takes. A transaction takes those of its items, and new code
/// is read from the bucket with the permissions of who asks for the change.
fn needs(call: &Call) -> Vec<Need> {
    let plain = |action: String| Need {
        action,
        object: None,
    };
    let name = &call.name;
    match (name.service.as_str(), name.operation.as_str()) {
        ("dynamodb", "TransactWriteItems") => ["Put", "Update", "Delete", "ConditionCheck"]
            .into_iter()
            .filter(|kind| call.request.contains(&format!("{{\"{kind}\":")))
            .map(|kind| plain(format!("dynamodb:{kind}Item")))
            .collect(),
        // The tags of a new parameter come with it.
        ("ssm", "PutParameter") if call.request.contains("\"Tags\":") => vec![
            plain("ssm:PutParameter".to_owned()),
            plain("ssm:AddTagsToResource".to_owned()),
        ],
        ("monitoring", operation) => vec![plain(format!("cloudwatch:{operation}"))],
        ("lambda", "Invoke") => vec![plain("lambda:InvokeFunction".to_owned())],
        ("lambda", "UpdateFunctionCode") => {
            let mut needs = vec![plain("lambda:UpdateFunctionCode".to_owned())];
            needs.extend(new_code(&call.request));
            needs
        }
        ("s3", operation) => of_object(operation, call),
        ("cloudformation", operation) => of_stack(operation, &call.request),
        // The registry protocol has no signature and needs no permission of its own.
        ("registry", _) => Vec::new(),
        (service, operation) => vec![plain(format!("{service}:{operation}"))],
    }
}

/// CloudFormation reads a template with the permissions of who names it, and a role that it is to
/// use has to be passed.
fn of_stack(operation: &str, form: &str) -> Vec<Need> {
    let mut needs = vec![Need {
        action: format!("cloudformation:{operation}"),
        object: None,
    }];
    for (name, value) in form.split('&').filter_map(|pair| pair.split_once('=')) {
        match name {
            "TemplateURL" => {
                let address = value.replace("%3A", ":").replace("%2F", "/");
                let (_, key) = address.rsplit_once(".amazonaws.com/").unwrap();
                needs.push(reading(key, false));
            }
            "RoleARN" => needs.push(Need {
                action: "iam:PassRole".to_owned(),
                object: None,
            }),
            _ => {}
        }
    }
    needs
}

/// Reading the object that a change of code names; code that comes with the call names none.
fn new_code(request: &str) -> Option<Need> {
    let request: Value = serde_json::from_str(request).ok()?;
    let key = request["S3Key"].as_str()?;
    Some(reading(key, request["S3ObjectVersion"].is_string()))
}

fn of_object(operation: &str, call: &Call) -> Vec<Need> {
    let (key, versioned) = object(&call.path);
    let plain = |action: &str| Need {
        action: format!("s3:{action}"),
        object: Some(key.to_owned()),
    };
    match operation {
        "GetObject" | "HeadObject" => vec![reading(key, versioned)],
        "CopyObject" => {
            let source = format!("/{}", call.copy_source.as_deref().unwrap_or_default());
            let (source, versioned) = object(&source);
            vec![reading(source, versioned), plain("PutObject")]
        }
        "HeadBucket" | "ListObjectsV2" => vec![Need {
            action: "s3:ListBucket".to_owned(),
            object: None,
        }],
        "DeleteObjects" => {
            let keys = call.request.split("<Key>").skip(1);
            let keys = keys.filter_map(|rest| rest.split_once("</Key>"));
            keys.map(|(key, _)| Need {
                action: "s3:DeleteObject".to_owned(),
                object: Some(key.to_owned()),
            })
            .collect()
        }
        other => vec![plain(other)],
    }
}

/// The key in a path that begins with the bucket, and whether a version of it is named.
fn object(path: &str) -> (&str, bool) {
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let key = path.splitn(3, '/').nth(2).unwrap_or_default();
    let versioned = query.split('&').any(|it| it.starts_with("versionId="));
    (key, versioned)
}

fn reading(key: &str, versioned: bool) -> Need {
    let action = if versioned {
        "s3:GetObjectVersion"
    } else {
        "s3:GetObject"
    };
    Need {
        action: action.to_owned(),
        object: Some(key.to_owned()),
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

#[test]
fn a_copy_takes_permissions_on_both_sides() {
    let call = |source: &str, key: &str| Call {
        seq: 1,
        at: jiff::Timestamp::UNIX_EPOCH,
        name: CallName {
            service: "s3".into(),
            operation: "CopyObject".into(),
            caller: "lockstep-publish-live".into(),
        },
        path: format!("/releases/{key}"),
        copy_source: Some(format!("releases/{source}")),
        status: Some(200),
        duration: std::time::Duration::ZERO,
        request: String::new(),
        response: String::new(),
        fault: None,
    };
    let (release, live) = (
        "releases/shop/1.4.0/api.zip?versionId=1",
        "live/shop/api.zip",
    );
    let back = format!("{live}?versionId=1");
    let mut roles = Roles::of_template();
    for (source, key, refusal) in [
        (release, live, None),
        (back.as_str(), live, None),
        ("elsewhere/api.zip", live, Some("s3:GetObject")),
        (release, "releases/shop/1.4.0/api.zip", Some("s3:PutObject")),
    ] {
        let told = roles.refusal(&call(source, key));
        let missing = refusal.is_none() == told.is_none();
        let named = refusal.is_none_or(|action| told.as_ref().unwrap().contains(action));
        assert!(missing && named, "{source} to {key}: {told:?}");
    }
    for action in ["s3:GetObjectVersion", "s3:PutObject"] {
        let role = roles.0.get_mut("lockstep-publish-live").unwrap();
        let all: Vec<_> = role.iter().map(|one| one.actions.clone()).collect();
        for statement in role.iter_mut() {
            statement.actions.retain(|allowed| allowed != action);
        }
        let told = roles.refusal(&call(release, live)).unwrap();
        assert!(told.contains(action), "without {action}: {told}");
        let role = roles.0.get_mut("lockstep-publish-live").unwrap();
        for (statement, actions) in role.iter_mut().zip(all) {
            statement.actions = actions;
        }
    }
}
