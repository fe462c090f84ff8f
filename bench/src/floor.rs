//! The least that releasing functions can take: the API calls and nothing around them.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_lambda::types::{AliasRoutingConfiguration, LastUpdateStatus};
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::{sam, sdk};
use lockstep_lambda::Pacer;
use lockstep_tests::{ALIAS, Fleet};
use tokio::task::JoinSet;

use crate::Result;

/// Lambda's control-plane calls a second, of a whole account.
const RATE: u32 = 15;
/// Between two looks at a function that Lambda is at work on.
const PAUSE: Duration = Duration::from_millis(400);

/// A loop over the calls, each function on its own.
#[derive(Debug)]
pub struct Floor {
    client: aws_sdk_lambda::Client,
}

impl Floor {
    /// Calls through the same gateway as everybody else.
    pub fn new(endpoint: &str) -> Self {
        Self {
            client: aws_sdk_lambda::Client::new(&sdk::config(endpoint)),
        }
    }

    /// New code, a version of it and the alias on it, for all functions: with Lambda's rate of calls, or as fast as
    /// the emulator answers.
    pub async fn update(&self, fleet: &Fleet<'_>, version: &str, at_pace: bool) -> Result<()> {
        let rate = if at_pace { RATE } else { 1_000_000 };
        let pacer = Arc::new(Pacer::new(rate));
        let mut updating = JoinSet::new();
        for function in fleet.functions.clone() {
            let (client, pacer) = (self.client.clone(), Arc::clone(&pacer));
            let key = format!("releases/{}/{version}/{function}.zip", fleet.name);
            updating.spawn(async move { update(&client, &pacer, &function, &key).await });
        }
        while let Some(updated) = updating.join_next().await {
            updated??;
        }
        Ok(())
    }
}

async fn update(
    client: &aws_sdk_lambda::Client,
    pacer: &Pacer,
    function: &str,
    key: &str,
) -> Result<()> {
    pacer.turn(None).await;
    let code = client.update_function_code().function_name(function);
    let bucket = format!("{}-releases-{ACCOUNT}", sam::STACK);
    code.s3_bucket(bucket).s3_key(key).send().await?;
    loop {
        tokio::time::sleep(PAUSE).await;
        let found = client.get_function().function_name(function).send().await?;
        let status = found.configuration.and_then(|it| it.last_update_status);
        match status {
            Some(LastUpdateStatus::Successful) => break,
            Some(LastUpdateStatus::InProgress) => {}
            other => return Err(format!("{function} is {other:?}").into()),
        }
    }
    pacer.turn(None).await;
    let published = client.publish_version().function_name(function).send();
    let version = published.await?.version.unwrap_or_default();
    pacer.turn(None).await;
    let alias = client.update_alias().function_name(function).name(ALIAS);
    let alone = AliasRoutingConfiguration::builder().build();
    let alias = alias.function_version(version).routing_config(alone);
    alias.send().await?;
    Ok(())
}
