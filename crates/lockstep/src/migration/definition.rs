//! The task definition of a one-shot task, made from that of a service.

use std::collections::BTreeSet;

use serde_json::Value;

use crate::ecs::register_input;

/// Fields of the container that runs the command which are about a container that serves.
const OF_SERVING: [&str; 2] = ["healthCheck", "restartPolicy"];

/// The definition in which `container` runs one command: with its image, roles, secrets, volumes
/// and sidecars, in a family of its own.
///
/// The task is over when the command is: the other containers are not essential, and those that
/// wait for the serving container do not start. Nothing listens, so that no port of a host is
/// taken, and the command is neither restarted (it would run twice) nor checked for health.
pub fn one_shot(definition: &Value, container: &str, family: &str, tags: Vec<Value>) -> Value {
    let mut definition = register_input(definition);
    let waiting = waiting_for(&definition, container);
    if let Some(containers) = definition
        .get_mut("containerDefinitions")
        .and_then(Value::as_array_mut)
    {
        containers.retain(|it| !waiting.contains(name(it)));
        for it in containers.iter_mut() {
            alone(it, container);
        }
    }
    if let Some(fields) = definition.as_object_mut() {
        fields.insert("family".into(), family.into());
        fields.insert("tags".into(), tags.into());
    }
    definition
}

fn alone(definition: &mut Value, container: &str) {
    let is_ours = name(definition) == container;
    let Some(fields) = definition.as_object_mut() else {
        return;
    };
    fields.insert("essential".into(), is_ours.into());
    fields.remove("portMappings");
    if is_ours {
        for field in OF_SERVING {
            fields.remove(field);
        }
    }
}

/// The containers that start only after `container`, directly or by others.
fn waiting_for(definition: &Value, container: &str) -> BTreeSet<String> {
    let containers = definition
        .get("containerDefinitions")
        .and_then(Value::as_array);
    let containers: Vec<&Value> = containers.into_iter().flatten().collect();
    let mut waiting = BTreeSet::new();
    loop {
        let after = containers.iter().filter(|it| {
            name(it) != container
                && awaited(it).any(|other| other == container || waiting.contains(other))
        });
        let after: BTreeSet<String> = after.map(|it| name(it).to_owned()).collect();
        if after == waiting {
            return waiting;
        }
        waiting = after;
    }
}

fn awaited(container: &Value) -> impl Iterator<Item = &str> {
    let awaited = container.get("dependsOn").and_then(Value::as_array);
    let awaited = awaited.into_iter().flatten();
    awaited.filter_map(|it| it.get("containerName")?.as_str())
}

fn name(container: &Value) -> &str {
    container
        .get("name")
        .and_then(Value::as_str)
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::one_shot;

    #[test]
    fn a_service_becomes_one_command_with_its_sidecars() {
        let service = json!({
            "family": "api", "taskRoleArn": "role", "fieldOfTomorrow": 1, "revision": 7,
            "containerDefinitions": [
                {"name": "api", "image": "i", "portMappings": [{"hostPort": 80}], "healthCheck": {}, "secrets": ["s"],
                 "restartPolicy": {"enabled": true}, "dependsOn": [{"containerName": "sql", "condition": "START"}]},
                {"name": "sql", "image": "j", "essential": true, "portMappings": []},
                {"name": "web", "dependsOn": [{"containerName": "api", "condition": "HEALTHY"}]},
                {"name": "log", "dependsOn": [{"containerName": "web"}]},
            ],
        });
        let tags = vec![json!({"key": "k", "value": "v"})];
        assert_eq!(
            one_shot(&service, "api", "api-migration-schema", tags),
            json!({
                "family": "api-migration-schema", "taskRoleArn": "role", "fieldOfTomorrow": 1,
                "containerDefinitions": [
                    {"name": "api", "image": "i", "secrets": ["s"], "essential": true,
                     "dependsOn": [{"containerName": "sql", "condition": "START"}]},
                    {"name": "sql", "image": "j", "essential": false},
                ],
                "tags": [{"key": "k", "value": "v"}],
            })
        );
    }
}
