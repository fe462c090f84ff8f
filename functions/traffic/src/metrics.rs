//! What CloudWatch shows of new versions, and of the manifest's alarms.

use aws_sdk_cloudwatch::Client;
use aws_sdk_cloudwatch::types::{
    AlarmType, Dimension, Metric, MetricDataQuery, MetricStat, StateValue,
};
use aws_smithy_types::DateTime;
use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::lambda::traffic::{Alarm, AlarmState, Seen};
use lockstep_aws::AwsError;

/// How many metrics one call may ask for.
const QUERIES: usize = 500;

/// What is asked of each function, and how its answers begin.
const OF_EACH: [(&str, &str); 2] = [("Invocations", "i"), ("Errors", "e")];

/// One version behind an alias.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Behind<'a> {
    pub(crate) function: &'a str,
    pub(crate) alias: &'a str,
    pub(crate) version: &'a str,
}

/// Asks CloudWatch.
#[derive(Debug)]
pub(crate) struct Metrics {
    client: Client,
}

impl Metrics {
    pub(crate) const fn new(client: Client) -> Self {
        Self { client }
    }

    /// The invocations of each version through its alias, in this order. Lambda counts those
    /// of an alias with two versions by the version that was run. CloudWatch keeps whole
    /// minutes: those of the minute in which a stage began are in.
    pub(crate) async fn seen(
        &self,
        versions: &[Behind<'_>],
        since: Timestamp,
        now: Timestamp,
    ) -> Result<Vec<Seen>, PhaseError> {
        let mut seen = vec![Seen::default(); versions.len()];
        for (chunk, seen) in versions
            .chunks(QUERIES / OF_EACH.len())
            .zip(seen.chunks_mut(QUERIES / OF_EACH.len()))
        {
            self.add(chunk, (since, now), seen).await?;
        }
        Ok(seen)
    }

    async fn add(
        &self,
        versions: &[Behind<'_>],
        (since, now): (Timestamp, Timestamp),
        seen: &mut [Seen],
    ) -> Result<(), PhaseError> {
        let queries: Vec<_> = versions.iter().enumerate().flat_map(queries).collect();
        let call = self.client.get_metric_data();
        let call = call.set_metric_data_queries(Some(queries));
        let call = call
            .start_time(DateTime::from_secs(since.as_second()))
            .end_time(DateTime::from_secs(now.as_second() + 1));
        let mut page = None;
        loop {
            let sent = call.clone().set_next_token(page).send().await;
            let answer = sent.map_err(|error| {
                let error = AwsError::new("cloudwatch:GetMetricData", &error);
                error.about("the metrics of the new versions")
            })?;
            for result in answer.metric_data_results() {
                let sum: f64 = result.values().iter().sum();
                add(seen, result.id().unwrap_or_default(), sum);
            }
            match answer.next_token.filter(|token| !token.is_empty()) {
                Some(token) => page = Some(token),
                None => return Ok(()),
            }
        }
    }

    /// What the alarms of these names say, in this order.
    pub(crate) async fn alarms(&self, names: &[String]) -> Result<Vec<Alarm>, PhaseError> {
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let call = self.client.describe_alarms();
        let call = call.set_alarm_names(Some(names.to_vec()));
        let call = call
            .alarm_types(AlarmType::MetricAlarm)
            .alarm_types(AlarmType::CompositeAlarm);
        let found = call.send().await.map_err(|error| {
            let error = AwsError::new("cloudwatch:DescribeAlarms", &error);
            error.about(format!("alarms {}", names.join(", ")))
        })?;
        let metric = found.metric_alarms().iter();
        let metric = metric.map(|it| (it.alarm_name(), it.state_value(), it.state_reason()));
        let composite = found.composite_alarms().iter();
        let composite = composite.map(|it| (it.alarm_name(), it.state_value(), it.state_reason()));
        let all: Vec<_> = metric.chain(composite).collect();
        let alarm = |name: &String| {
            let found = all.iter().find(|(found, ..)| *found == Some(name));
            let state = match found {
                None => AlarmState::Missing,
                Some((_, Some(StateValue::Alarm), reason)) => {
                    AlarmState::Alarm(reason.unwrap_or("CloudWatch gives no reason").to_owned())
                }
                Some(_) => AlarmState::Quiet,
            };
            Alarm {
                name: name.clone(),
                state,
            }
        };
        Ok(names.iter().map(alarm).collect())
    }
}

fn queries((number, behind): (usize, &Behind<'_>)) -> Vec<MetricDataQuery> {
    let Behind {
        function,
        alias,
        version,
    } = behind;
    let dimension = |name: &str, value: &str| Dimension::builder().name(name).value(value).build();
    let of_each = OF_EACH.iter().map(|(name, begins)| {
        let metric = Metric::builder()
            .namespace("AWS/Lambda")
            .metric_name(*name)
            .dimensions(dimension("FunctionName", function))
            .dimensions(dimension("Resource", &format!("{function}:{alias}")))
            .dimensions(dimension("ExecutedVersion", version));
        let stat = MetricStat::builder().metric(metric.build());
        MetricDataQuery::builder()
            .id(format!("{begins}{number}"))
            .metric_stat(stat.period(60).stat("Sum").build())
            .build()
    });
    of_each.collect()
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "CloudWatch counts in floating point; a negative or huge count saturates"
)]
fn add(seen: &mut [Seen], id: &str, sum: f64) {
    let (kind, number) = id.split_at_checked(1).unwrap_or_default();
    let Some(seen) = number
        .parse()
        .ok()
        .and_then(|number: usize| seen.get_mut(number))
    else {
        return;
    };
    match kind {
        "i" => seen.invocations += sum.round() as u64,
        "e" => seen.errors += sum.round() as u64,
        _ => {}
    }
}
