//! The controller as the commands see it: its ledger table and its state machine.

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use aws_smithy_http_client::Builder;
use aws_smithy_http_client::tls::{Provider, rustls_provider::CryptoMode};
use aws_smithy_runtime_api::client::http::SharedHttpClient;
use aws_types::SdkConfig;
use aws_types::region::Region;
use lockstep_aws::AwsError;
use lockstep_ledger::{Ledger, LedgerError};

use crate::args::Global;
use crate::error::CliError;
use crate::local::layout::Layout;
use crate::local::state::EngineState;
use crate::local::{LocalError, sdk};

/// A controller's ledger and state machine. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Controller {
    /// Everything the controller keeps.
    pub ledger: Ledger,
    /// Where its executions run.
    pub sfn: aws_sdk_sfn::Client,
    /// Where releases are uploaded.
    pub s3: aws_sdk_s3::Client,
    /// The region, as addresses of its buckets name it.
    pub region: String,
    dynamodb: aws_sdk_dynamodb::Client,
    stack: String,
    place: String,
    nearby: bool,
}

/// The SDK's own client: people sit behind proxies, which the handlers' client knows nothing of.
fn https() -> SharedHttpClient {
    let tls = Provider::Rustls(CryptoMode::Ring);
    Builder::new().tls_provider(tls).build_https()
}

impl Controller {
    /// The controller that the command line names, by the usual credential chain. Asks
    /// nothing yet.
    pub async fn connect(global: &Global) -> Result<Self, CliError> {
        Ok(Self::over(&config(global).await?, &global.stack))
    }

    /// The controller of `stack` where `config` points to.
    pub fn over(config: &SdkConfig, stack: &str) -> Self {
        let region = config.region().map_or("?", Region::as_ref);
        let nearby = config.endpoint_url().is_some_and(is_loopback);
        let place = match config.endpoint_url() {
            Some(url) => format!("region {region} at {url}"),
            None => format!("region {region}"),
        };
        let dynamodb = aws_sdk_dynamodb::Client::new(config);
        // The local engine has no host names for buckets.
        let s3 = aws_sdk_s3::config::Builder::from(config)
            .force_path_style(config.endpoint_url().is_some());
        Self {
            region: region.to_owned(),
            ledger: Ledger::new(dynamodb.clone(), format!("{stack}-ledger")),
            sfn: aws_sdk_sfn::Client::new(config),
            s3: aws_sdk_s3::Client::from_conf(s3.build()),
            dynamodb,
            stack: stack.to_owned(),
            place,
            nearby,
        }
    }

    /// Whether it answers from this very machine, so that asking often costs nothing.
    pub const fn is_nearby(&self) -> bool {
        self.nearby
    }

    /// What a failed look into the ledger means. A table that does not exist is a
    /// controller that does not exist.
    pub fn explain(&self, doing: &str, error: LedgerError) -> CliError {
        match error {
            LedgerError::Aws(error) if is_missing(&error) => self.not_deployed(&self.table()),
            other => CliError::ledger(doing, other),
        }
    }

    /// The ARN of its state machine. Account and partition are read from the table's ARN.
    pub async fn state_machine(&self) -> Result<String, CliError> {
        let arn = self.table_arn().await?;
        state_machine_beside(&arn, &self.stack).ok_or_else(|| self.not_deployed(&self.table()))
    }

    /// The name of its releases bucket, in which the account's number stands.
    pub async fn releases_bucket(&self) -> Result<String, CliError> {
        let arn = self.table_arn().await?;
        bucket_beside(&arn, &self.stack).ok_or_else(|| self.not_deployed(&self.table()))
    }

    /// The ARN of a topic: `named` is its name or ARN; without it, that of the controller's own.
    pub async fn topic(&self, named: Option<&str>) -> Result<String, CliError> {
        let own = format!("{}-notifications", self.stack);
        let named = named.unwrap_or(&own);
        if named.starts_with("arn:") {
            return Ok(named.to_owned());
        }
        let arn = self.table_arn().await?;
        topic_beside(&arn, named).ok_or_else(|| self.not_deployed(&self.table()))
    }

    async fn table_arn(&self) -> Result<String, CliError> {
        let sent = self
            .dynamodb
            .describe_table()
            .table_name(self.table())
            .send()
            .await;
        let output = sent.map_err(|error| {
            let error = AwsError::new("dynamodb:DescribeTable", &error);
            if is_missing(&error) {
                return self.not_deployed(&self.table());
            }
            CliError::Aws {
                doing: format!("looking for controller `{}`", self.stack),
                error,
            }
        })?;
        let arn = output.table().and_then(|table| table.table_arn());
        arn.map(str::to_owned)
            .ok_or_else(|| self.not_deployed(&self.table()))
    }

    /// Starts an execution under a name of its own. A retry with the same name starts
    /// nothing twice. Returns the execution's ARN.
    pub async fn start(&self, name: &str, input: &serde_json::Value) -> Result<String, CliError> {
        let machine = self.state_machine().await?;
        let started = self.sfn.start_execution().state_machine_arn(&machine);
        let sent = started.name(name).input(input.to_string()).send().await;
        match sent {
            Ok(output) => Ok(output.execution_arn().to_owned()),
            Err(error) if error.code() == Some("StateMachineDoesNotExist") => {
                Err(self.not_deployed(&format!("state machine {machine}")))
            }
            Err(error) => Err(CliError::Aws {
                doing: "starting the deployment".to_owned(),
                error: AwsError::new("states:StartExecution", &error),
            }),
        }
    }

    /// Stops an execution. The watchdog sees it, and starts a recovery.
    pub async fn stop(&self, execution: &str, cause: &str) -> Result<(), CliError> {
        let stop = self.sfn.stop_execution().execution_arn(execution);
        let sent = stop.cause(cause).send().await;
        sent.map(drop).map_err(|error| CliError::Aws {
            doing: "stopping the deployment".to_owned(),
            error: AwsError::new("states:StopExecution", &error),
        })
    }

    fn table(&self) -> String {
        format!("{}-ledger", self.stack)
    }

    fn not_deployed(&self, missing: &str) -> CliError {
        let missing = if missing.contains(' ') {
            missing.to_owned()
        } else {
            format!("table {missing}")
        };
        CliError::NotDeployed {
            stack: self.stack.clone(),
            place: self.place.clone(),
            missing,
        }
    }
}

/// Where the command line points to, by the usual credential chain. Asks nothing yet.
pub async fn config(global: &Global) -> Result<SdkConfig, CliError> {
    if global.local {
        return local_config();
    }
    let mut loader =
        aws_config::defaults(aws_config::BehaviorVersion::latest()).http_client(https());
    if let Some(region) = &global.region {
        loader = loader.region(Region::new(region.clone()));
    }
    if let Some(profile) = &global.profile {
        loader = loader.profile_name(profile);
    }
    if let Some(url) = &global.endpoint_url {
        loader = loader.endpoint_url(url);
    }
    let config = loader.load().await;
    if config.region().is_none() {
        return Err(CliError::invalid(
            "no AWS region is set",
            "name it with --region, set AWS_REGION, or put `region = …` into the profile",
        ));
    }
    Ok(config)
}

fn local_config() -> Result<SdkConfig, CliError> {
    let home = crate::commands::project()?.join(".lockstep");
    let state = EngineState::read(&Layout::new(&home, None))?;
    let state = state.ok_or(LocalError::NotRunning { home })?;
    Ok(sdk::config(&state.endpoint()))
}

fn is_missing(error: &AwsError) -> bool {
    error.code == "ResourceNotFoundException"
}

fn is_loopback(url: &str) -> bool {
    let host = url.split("//").nth(1).unwrap_or_default();
    ["127.", "localhost", "[::1]"]
        .iter()
        .any(|prefix| host.starts_with(prefix))
}

/// `arn:aws:dynamodb:eu-west-1:111122223333:table/lockstep-ledger` names everything that
/// the state machine's ARN is made of.
fn state_machine_beside(table_arn: &str, stack: &str) -> Option<String> {
    let parts: Vec<_> = table_arn.splitn(6, ':').collect();
    let [_, partition, _, region, account, _] = parts.as_slice() else {
        return None;
    };
    Some(format!(
        "arn:{partition}:states:{region}:{account}:stateMachine:{stack}-deploy"
    ))
}

fn bucket_beside(table_arn: &str, stack: &str) -> Option<String> {
    let account = table_arn.split(':').nth(4)?;
    Some(format!("{stack}-releases-{account}"))
}

fn topic_beside(table_arn: &str, name: &str) -> Option<String> {
    let parts: Vec<_> = table_arn.splitn(6, ':').collect();
    let [_, partition, _, region, account, _] = parts.as_slice() else {
        return None;
    };
    Some(format!("arn:{partition}:sns:{region}:{account}:{name}"))
}

#[cfg(test)]
mod tests {
    use super::{bucket_beside, is_loopback, state_machine_beside, topic_beside};

    #[test]
    fn the_state_machine_is_beside_the_table() {
        let table = "arn:aws-cn:dynamodb:cn-north-1:111122223333:table/lockstep-ledger";
        assert_eq!(
            state_machine_beside(table, "lockstep").unwrap(),
            "arn:aws-cn:states:cn-north-1:111122223333:stateMachine:lockstep-deploy"
        );
        assert_eq!(state_machine_beside("table", "lockstep"), None);
        assert_eq!(
            topic_beside(table, "lockstep-quiz").unwrap(),
            "arn:aws-cn:sns:cn-north-1:111122223333:lockstep-quiz"
        );
        assert_eq!(
            bucket_beside(table, "lockstep").unwrap(),
            "lockstep-releases-111122223333"
        );
    }

    #[test]
    fn only_this_machine_is_nearby() {
        assert!(is_loopback("http://127.0.0.1:4565"));
        assert!(is_loopback("http://localhost:4565"));
        assert!(!is_loopback(
            "https://vpce-1.states.eu-west-1.vpce.amazonaws.com"
        ));
    }
}
