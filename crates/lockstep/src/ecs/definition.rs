//! Task definitions as raw JSON, so that fields newer than the SDK survive.

use serde_json::{Map, Value, json};

use super::arn::{family_and_number, short_name};
use super::json::{items, text, text_option};

/// Fields of a described task definition that `RegisterTaskDefinition` does not take.
pub(super) const READ_ONLY: [&str; 9] = [
    "compatibilities",
    "deleteRequestedAt",
    "deregisteredAt",
    "registeredAt",
    "registeredBy",
    "requiresAttributes",
    "revision",
    "status",
    "taskDefinitionArn",
];

/// A registered revision: the answer of `DescribeTaskDefinition` with its tags.
#[derive(Debug, Clone, PartialEq)]
pub struct Revision {
    /// The ARN.
    pub arn: String,
    /// The definition as AWS printed it.
    pub definition: Value,
    /// The tags, `[{key, value}]`.
    pub tags: Vec<Value>,
}

impl Revision {
    /// Reads the answer of `DescribeTaskDefinition`.
    pub fn parse(answer: &Value) -> Self {
        let definition = answer.get("taskDefinition").cloned().unwrap_or(Value::Null);
        Self {
            arn: text(&definition, "taskDefinitionArn").to_owned(),
            tags: items(answer, "tags").to_vec(),
            definition,
        }
    }

    /// Whether services can be told to run it. `INACTIVE` means deregistered: tasks that
    /// run it go on, but `UpdateService` refuses it.
    pub fn is_active(&self) -> bool {
        text(&self.definition, "status") != "INACTIVE"
            && text(&self.definition, "status") != "DELETE_IN_PROGRESS"
    }

    /// The family, such as `live-quiz-websocket`.
    pub fn family(&self) -> &str {
        text(&self.definition, "family")
    }

    /// The number within the family.
    pub fn number(&self) -> Option<u64> {
        family_and_number(&self.arn).map(|(_, number)| number)
    }

    /// The value of a tag.
    pub fn tag(&self, key: &str) -> Option<&str> {
        self.tags
            .iter()
            .find(|tag| text(tag, "key") == key)
            .map(|tag| text(tag, "value"))
    }
}

/// The input of `RegisterTaskDefinition` that registers `definition` again.
///
/// Drops what AWS fills in by itself, and empty fields at the top, which AWS never prints
/// and refuses to take (an empty role ARN, a null proxy configuration).
pub fn register_input(definition: &Value) -> Value {
    let fields = definition.as_object().into_iter().flatten();
    let kept = fields.filter(|(key, value)| !READ_ONLY.contains(&key.as_str()) && !is_blank(value));
    Value::Object(
        kept.map(|(key, value)| (key.clone(), value.clone()))
            .collect(),
    )
}

/// The tags a new revision takes over: all but AWS's own and Lockstep's.
pub fn kept_tags(tags: &[Value]) -> Vec<Value> {
    let foreign = |tag: &&Value| {
        !text(tag, "key").starts_with("aws:") && !text(tag, "key").starts_with("lockstep:")
    };
    tags.iter().filter(foreign).cloned().collect()
}

/// A tag in the wire shape.
pub fn tag(key: &str, value: &str) -> Value {
    json!({"key": key, "value": value})
}

/// The container definitions.
pub fn containers(definition: &Value) -> &[Value] {
    items(definition, "containerDefinitions")
}

/// The container's definition by its name.
pub fn container<'a>(definition: &'a Value, name: &str) -> Option<&'a Value> {
    containers(definition)
        .iter()
        .find(|container| text(container, "name") == name)
}

/// The image of a container.
pub fn image<'a>(definition: &'a Value, name: &str) -> Option<&'a str> {
    container(definition, name)
        .map(|container| text(container, "image"))
        .filter(|image| !image.is_empty())
}

/// Puts `image` into the container `name`; does nothing when there is no such container.
pub fn set_image(definition: &mut Value, name: &str, image: &str) {
    let list = definition
        .get_mut("containerDefinitions")
        .and_then(Value::as_array_mut);
    for container in list.into_iter().flatten() {
        if text(container, "name") == name
            && let Some(fields) = container.as_object_mut()
        {
            fields.insert("image".into(), image.into());
        }
    }
}

/// The images by container.
pub fn images(definition: &Value) -> Map<String, Value> {
    let pair = |container: &Value| {
        (
            text(container, "name").to_owned(),
            text(container, "image").into(),
        )
    };
    containers(definition).iter().map(pair).collect()
}

/// Where a container writes its log with the `awslogs` driver.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogLocation {
    /// The log group.
    pub group: String,
    /// The log group's region; the service's own when it is not named.
    pub region: Option<String>,
    /// The stream prefix. Without one the stream is named by a container id nobody knows.
    pub prefix: Option<String>,
    /// Whether the group is made when it is missing.
    pub creates_group: bool,
}

impl LogLocation {
    /// The log of a container definition; `None` for other log drivers.
    pub fn of(container: &Value) -> Option<Self> {
        let log = container
            .get("logConfiguration")
            .filter(|log| text(log, "logDriver") == "awslogs")?;
        let options = log.get("options")?;
        Some(Self {
            group: text_option(options, "awslogs-group")?,
            region: text_option(options, "awslogs-region"),
            prefix: text_option(options, "awslogs-stream-prefix"),
            creates_group: text(options, "awslogs-create-group") == "true",
        })
    }

    /// The stream of a task's container; `None` where nobody knows its name.
    pub fn stream(&self, container: &str, task: &str) -> Option<String> {
        let prefix = self.prefix.as_ref()?;
        Some(format!("{prefix}/{container}/{}", short_name(task)))
    }
}

fn is_blank(value: &Value) -> bool {
    value.is_null() || value.as_str().is_some_and(str::is_empty)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{LogLocation, Revision, images, kept_tags, register_input, set_image, tag};

    #[test]
    fn a_described_definition_becomes_input_with_all_unknown_fields() {
        let described = json!({
            "taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/web:7", "revision": 7, "status": "ACTIVE",
            "registeredAt": 1.5, "registeredBy": "arn", "compatibilities": ["EC2"], "requiresAttributes": [{"name": "x"}],
            "family": "web", "taskRoleArn": "", "proxyConfiguration": null, "volumes": [],
            "fieldOfTomorrow": {"mode": "new"},
            "containerDefinitions": [{"name": "web", "image": "a", "knobOfTomorrow": 3}],
        });
        assert_eq!(
            register_input(&described),
            json!({
                "family": "web", "volumes": [], "fieldOfTomorrow": {"mode": "new"},
                "containerDefinitions": [{"name": "web", "image": "a", "knobOfTomorrow": 3}],
            })
        );
    }

    #[test]
    fn only_the_named_container_gets_the_image() {
        let mut definition = json!({"containerDefinitions": [{"name": "web", "image": "a"}, {"name": "proxy", "image": "b"}]});
        set_image(&mut definition, "web", "c");
        set_image(&mut definition, "absent", "d");
        assert_eq!(
            json!(images(&definition)),
            json!({"web": "c", "proxy": "b"})
        );
    }

    #[test]
    fn reads_a_revision_and_its_tags() {
        let revision = Revision::parse(&json!({
            "taskDefinition": {"taskDefinitionArn": "arn:aws:ecs:eu-west-1:1:task-definition/web:7", "family": "web", "status": "INACTIVE"},
            "tags": [tag("team", "quiz"), tag("lockstep:deployment", "01"), tag("aws:cloudformation:stack-name", "s")],
        }));
        assert_eq!(
            (revision.number(), revision.family(), revision.is_active()),
            (Some(7), "web", false)
        );
        assert_eq!(revision.tag("lockstep:deployment"), Some("01"));
        assert_eq!(kept_tags(&revision.tags), [tag("team", "quiz")]);
    }

    #[test]
    fn only_awslogs_has_a_location() {
        let options = json!({"awslogs-group": "/ecs/web", "awslogs-stream-prefix": "ecs", "awslogs-create-group": "true"});
        let log = LogLocation::of(
            &json!({"logConfiguration": {"logDriver": "awslogs", "options": options}}),
        );
        assert!(log.is_some_and(|log| log.creates_group
            && log.group == "/ecs/web"
            && log.region.is_none()));
        assert_eq!(
            LogLocation::of(&json!({"logConfiguration": {"logDriver": "splunk", "options": {}}})),
            None
        );
    }
}
