//! Links into the AWS console: where a person looks next.

use serde_json::Value;

use super::arn::{Arn, short_name};
use super::definition::{LogLocation, container};
use super::step::ServiceStep;
use super::task::StoppedTask;

/// Characters that stay as they are in a link.
const UNRESERVED: &[u8] = b"-._~";

impl ServiceStep {
    /// The service's page in the ECS console.
    pub fn console_link(&self) -> String {
        let Some(arn) = Arn::parse(&self.service_arn) else {
            return String::new();
        };
        format!(
            "{}/ecs/v2/clusters/{}/services/{}/deployments?region={}",
            console(arn.partition, arn.region),
            self.cluster,
            self.service,
            arn.region
        )
    }

    /// The log stream of a task's container in the console; the task's own page
    /// when its log goes elsewhere.
    pub fn log_link(&self, task: &StoppedTask) -> String {
        let name = task
            .culprit()
            .map_or("", |container| container.name.as_str());
        let definition = &self.after.task_definition;
        task_log_link(
            &self.service_arn,
            &self.cluster,
            definition,
            name,
            &task.arn,
        )
    }
}

/// The log stream of a task's container in the console of a service's account and region; the
/// task's own page when its log goes elsewhere.
pub(crate) fn task_log_link(
    service_arn: &str,
    cluster: &str,
    definition: &Value,
    name: &str,
    task: &str,
) -> String {
    let Some(arn) = Arn::parse(service_arn) else {
        return String::new();
    };
    let log = container(definition, name).and_then(LogLocation::of);
    let stream = log.as_ref().and_then(|log| log.stream(name, task));
    match (log, stream) {
        (Some(LogLocation { group, region, .. }), Some(stream)) => {
            let region = region.as_deref().unwrap_or(arn.region);
            format!(
                "{}/cloudwatch/home?region={region}#logsV2:log-groups/log-group/{}/log-events/{}",
                console(arn.partition, region),
                twice_encoded(&group),
                twice_encoded(&stream)
            )
        }
        _ => format!(
            "{}/ecs/v2/clusters/{cluster}/tasks/{}/configuration?region={}",
            console(arn.partition, arn.region),
            short_name(task),
            arn.region
        ),
    }
}

/// A log group's page in the console of the account and region of something that has this ARN.
pub(crate) fn log_group_link(arn: &str, group: &str) -> String {
    let Some(arn) = Arn::parse(arn) else {
        return format!("log group {group}");
    };
    format!(
        "{}/cloudwatch/home?region={}#logsV2:log-groups/log-group/{}",
        console(arn.partition, arn.region),
        arn.region,
        twice_encoded(group)
    )
}

fn console(partition: &str, region: &str) -> String {
    match partition {
        "aws-cn" => "https://console.amazonaws.cn".into(),
        "aws-us-gov" => "https://console.amazonaws-us-gov.com".into(),
        _ => format!("https://{region}.console.aws.amazon.com"),
    }
}

/// The console decodes the part after the hash sign itself: a slash is `%2F`, whose `%` is `$25` there.
fn twice_encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || UNRESERVED.contains(&byte);
    text.bytes()
        .map(|byte| {
            if plain(byte) {
                char::from(byte).to_string()
            } else {
                format!("$25{byte:02X}")
            }
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::twice_encoded;

    #[test]
    fn encodes_as_the_console_does() {
        assert_eq!(twice_encoded("/ecs/web_1"), "$252Fecs$252Fweb_1");
        assert_eq!(twice_encoded("ecs/web/0a1b"), "ecs$252Fweb$252F0a1b");
    }
}
