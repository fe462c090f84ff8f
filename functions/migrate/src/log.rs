//! The end of a task's log.

use aws_sdk_cloudwatchlogs::Client;
use lockstep::ecs::{LogLocation, container};
use lockstep::migration::TaskMeans;

/// How many lines of a log are told.
const LINES: i32 = 10;

/// How many bytes of them.
const BYTES: usize = 1024;

/// Reads logs.
#[derive(Debug)]
pub(crate) struct Logs {
    client: Client,
}

impl Logs {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// Whether a task's log can be read from here.
    pub(crate) fn can_read(&self, means: &TaskMeans) -> bool {
        self.location(means).is_some()
    }

    /// The last lines of what a task said; nothing where they are not there (yet), or cannot be
    /// read. A log that cannot be read must not hide why the task failed.
    pub(crate) async fn tail(&self, means: &TaskMeans, task: &str) -> String {
        let Some((location, stream)) = self
            .location(means)
            .and_then(|it| it.stream(&means.container, task).map(|stream| (it, stream)))
        else {
            return String::new();
        };
        let call = self
            .client
            .get_log_events()
            .log_group_name(location.group)
            .log_stream_name(stream)
            .start_from_head(false)
            .limit(LINES);
        match call.send().await {
            Ok(page) => {
                let lines = page.events().iter().filter_map(|event| event.message());
                last(&lines.collect::<Vec<_>>().join("\n"))
            }
            Err(error) => {
                let error = lockstep_aws::AwsError::new("logs:GetLogEvents", &error);
                let why = error.about(format!("the log of {task}"));
                tracing::info!("it cannot be read: {why}");
                String::new()
            }
        }
    }

    fn location(&self, means: &TaskMeans) -> Option<LogLocation> {
        let definition = container(&means.task_definition, &means.container)?;
        let here = self.client.config().region().map(ToString::to_string);
        LogLocation::of(definition).filter(|it| it.region.is_none() || it.region == here)
    }
}

/// The end of a text, from a line's beginning where there is room for one.
fn last(text: &str) -> String {
    let text = text.trim_end();
    let mut from = text.len().saturating_sub(BYTES);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    let end = text.get(from..).unwrap_or_default();
    let whole = (from > 0).then(|| end.split_once('\n')).flatten();
    whole.map_or(end, |(_, rest)| rest).to_owned()
}

#[cfg(test)]
mod tests {
    use super::{BYTES, last};

    #[test]
    fn the_end_of_a_log_is_whole_lines_of_a_kilobyte() {
        assert_eq!(last("one\ntwo\n"), "one\ntwo");
        let line = "ü".repeat(300);
        let long = [line.as_str(), &line, &line].join("\n");
        assert_eq!(last(&long), line);
        assert!(last(&"x".repeat(5000)).len() == BYTES);
        assert_eq!(last(""), "");
    }
}
