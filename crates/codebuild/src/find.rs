//! Finding builds by who they are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep_aws::AwsError;

use crate::error::{explain, is_missing};
use crate::{Build, CodeBuild};

/// How many pages of a hundred builds are read at most. Whoever looks for a build knows since
/// when there can be one, which ends the reading long before that.
const PAGES: usize = 10;

impl CodeBuild {
    /// The builds of `project` with these identities, of those that were started since `since`.
    /// CodeBuild lists them newest first; no page is read that is not needed. Of two with one
    /// identity it is the newer one. A project that does not exist has no builds: whoever wants
    /// to start one is told so then.
    pub async fn find(
        &self,
        project: &str,
        identities: &[&str],
        since: Timestamp,
    ) -> Result<BTreeMap<String, Build>, PhaseError> {
        let mut found = BTreeMap::new();
        let mut token = None;
        for _ in 0..PAGES {
            let call = self.client.list_builds_for_project();
            let sent = call
                .project_name(project)
                .set_next_token(token)
                .send()
                .await
                .map_err(|error| AwsError::new("codebuild:ListBuildsForProject", &error));
            let page = match sent {
                Err(error) if is_missing(&error) => break,
                sent => sent.map_err(|error| explain(error, project))?,
            };
            let builds = self.builds(project, page.ids()).await?;
            let is_old = |build: &Build| build.started_at.is_some_and(|at| at < since);
            let is_last = builds.iter().any(is_old);
            for build in builds.into_iter().filter(|build| !is_old(build)) {
                keep(&mut found, identities, build);
            }
            token = page.next_token().map(str::to_owned);
            if is_last || token.is_none() || found.len() == identities.len() {
                break;
            }
        }
        Ok(found)
    }

    /// A build by its id; `None` where CodeBuild does not show it (any more, or yet).
    pub async fn get(&self, project: &str, id: &str) -> Result<Option<Build>, PhaseError> {
        let builds = self.builds(project, &[id.to_owned()]).await?;
        Ok(builds.into_iter().next())
    }

    async fn builds(&self, project: &str, ids: &[String]) -> Result<Vec<Build>, PhaseError> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let call = self.client.batch_get_builds();
        let sent = call.set_ids(Some(ids.to_vec())).send().await;
        let sent = sent.map_err(|error| AwsError::new("codebuild:BatchGetBuilds", &error));
        let answer = sent.map_err(|error| explain(error, project))?;
        Ok(answer.builds().iter().map(Build::read).collect())
    }
}

fn keep(found: &mut BTreeMap<String, Build>, identities: &[&str], build: Build) {
    let Some(identity) = build.identity.clone() else {
        return;
    };
    let is_wanted = identities.contains(&identity.as_str());
    let known = found.get(&identity);
    if is_wanted && known.is_none_or(|known| known.started_at < build.started_at) {
        found.insert(identity, build);
    }
}

#[cfg(test)]
mod tests;
