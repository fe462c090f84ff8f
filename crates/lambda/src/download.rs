//! Putting back code that only a published version has.

use std::time::Duration;

use base64_simd::STANDARD;
use lockstep::PhaseError;
use lockstep::lambda::LiveFunction;
use sha2::{Digest, Sha256};

use crate::client::resource;
use crate::{Lambda, Sent};

/// How long the code, at most 50 MB, may take to come.
const TIMEOUT: Duration = Duration::from_secs(30);

impl Lambda {
    /// Puts the code of a published version back onto the function, only if the function is
    /// still as it was seen with `revision`.
    ///
    /// What came is sent only when it has the version's hash.
    pub async fn restore_code(
        &self,
        function: &str,
        snapshot: &LiveFunction,
        revision: &str,
    ) -> Result<Sent<()>, PhaseError> {
        // The semaphore is never closed, so there is nothing to fail but the order.
        let _one_at_a_time = self.transfer.acquire().await;
        let zip = self.download(function, snapshot).await?;
        self.send_zip(function, zip, revision).await
    }

    async fn download(
        &self,
        function: &str,
        snapshot: &LiveFunction,
    ) -> Result<Vec<u8>, PhaseError> {
        let version = resource(function, Some(&snapshot.version));
        let transient = |what: String| PhaseError::Transient {
            operation: "lambda:GetFunction".to_owned(),
            source_text: format!("the code of {version} could not be downloaded: {what}"),
        };
        let Some(location) = &snapshot.location else {
            return Err(PhaseError::Rejected {
                resource: version,
                reason: "Lambda does not say where its code is; is it a container image?".into(),
            });
        };
        let sent = self.http.get(&self.reachable(location), TIMEOUT).await;
        let answer = sent.map_err(|failure| transient(failure.to_string()))?;
        if answer.status != 200 {
            return Err(transient(format!("the answer was {}", answer.status)));
        }
        let hash = STANDARD.encode_to_string(Sha256::digest(&answer.body));
        if hash != snapshot.code_sha256 {
            return Err(transient(format!(
                "what came has the hash {hash}, expected {}",
                snapshot.code_sha256
            )));
        }
        Ok(answer.body)
    }

    /// The address under which code is reached: with an endpoint set for all of AWS, it comes
    /// from there as well.
    fn reachable(&self, url: &str) -> String {
        let path = url
            .split_once("://")
            .and_then(|(_, rest)| rest.split_once('/'))
            .map(|(_, path)| path);
        match (&self.endpoint, path) {
            (Some(endpoint), Some(path)) => format!("{}/{path}", endpoint.trim_end_matches('/')),
            _ => url.to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
