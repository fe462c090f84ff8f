//! What a change set would change, down to the last nested stack.

use aws_sdk_cloudformation::types::Change;
use lockstep::PhaseError;
use lockstep::stack::{ChangeSetStatus, LiveChangeSet, ResourceChange};
use lockstep_aws::AwsError;

use crate::CloudFormation;
use crate::client::resource;
use crate::error::{explain, is_absent, is_no_change_set};
use crate::read::{resource_change, text};
use crate::resources::NESTED;

/// One change set, all pages of it.
struct Described {
    status: ChangeSetStatus,
    reason: String,
    changes: Vec<Change>,
}

/// A change set whose changes are still to be read.
struct Open {
    /// Its name or its ARN.
    name: String,
    /// The stack, where the name is not an ARN.
    stack: Option<String>,
    nesting: Vec<String>,
}

impl CloudFormation {
    /// The change set of this name with all that it would change, nested stacks included and
    /// with the values of properties before and after. `None` when there is no such stack or
    /// change set.
    ///
    /// CloudFormation makes no change set for a nested stack that is deleted or replaced as a
    /// whole. All of its resources are shown as removed then: with it they would go.
    pub async fn change_set(
        &self,
        stack: &str,
        name: &str,
    ) -> Result<Option<LiveChangeSet>, PhaseError> {
        let root = Open {
            name: name.to_owned(),
            stack: Some(stack.to_owned()),
            nesting: Vec::new(),
        };
        let Some(described) = self.described(stack, &root).await? else {
            return Ok(None);
        };
        let mut whole = LiveChangeSet {
            name: name.to_owned(),
            status: described.status,
            reason: self.full_reason(stack, name, described.reason).await?,
            changes: Vec::new(),
        };
        // Of a change set that is not there yet, or is being executed, nothing depends.
        if whole.status != ChangeSetStatus::Ready {
            whole.changes = read(&described.changes, &[]);
            return Ok(Some(whole));
        }
        let mut open = vec![(root.nesting, described.changes)];
        while let Some((nesting, changes)) = open.pop() {
            for change in changes.iter().filter_map(Change::resource_change) {
                let read = resource_change(change, &nesting);
                let is_nested = read.resource_type == NESTED;
                let logical = text(change.logical_resource_id());
                let inner: Vec<_> = nesting.iter().cloned().chain([logical]).collect();
                if let (true, Some(id)) = (is_nested, change.change_set_id()) {
                    let nested = Open {
                        name: id.to_owned(),
                        stack: None,
                        nesting: inner.clone(),
                    };
                    if let Some(described) = self.described(stack, &nested).await? {
                        open.push((inner, described.changes));
                    }
                } else if is_nested && goes_as_a_whole(&read) {
                    whole.changes.extend(self.removed(&read, inner).await?);
                }
                whole.changes.push(read);
            }
        }
        whole.changes.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Some(whole))
    }

    async fn described(&self, about: &str, open: &Open) -> Result<Option<Described>, PhaseError> {
        let mut whole: Option<Described> = None;
        let mut token = None;
        loop {
            let call = self.client.describe_change_set();
            let call = call
                .change_set_name(&open.name)
                .set_stack_name(open.stack.clone())
                .include_property_values(true)
                .set_next_token(token);
            let sent = call.send().await;
            let sent =
                sent.map_err(|error| AwsError::new("cloudformation:DescribeChangeSet", &error));
            let page = match sent {
                Ok(page) => page,
                Err(error) if is_absent(&error) || is_no_change_set(&error) => return Ok(None),
                Err(error) => return Err(explain(error, &resource(about))),
            };
            let status = page.status().map_or("", |it| it.as_str());
            let execution = page.execution_status().map_or("", |it| it.as_str());
            let reason = text(page.status_reason());
            let described = whole.get_or_insert(Described {
                status: ChangeSetStatus::of(status, execution, &reason),
                reason,
                changes: Vec::new(),
            });
            described.changes.extend_from_slice(page.changes());
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(whole);
            }
        }
    }

    async fn removed(
        &self,
        nested: &ResourceChange,
        nesting: Vec<String>,
    ) -> Result<Vec<ResourceChange>, PhaseError> {
        let Some(stack) = &nested.physical else {
            return Ok(Vec::new());
        };
        let resources = self.resources_below(stack, nesting).await?;
        let removed = resources
            .into_iter()
            .filter(lockstep::stack::StackResource::exists);
        let removed = removed.map(|it| ResourceChange {
            path: it.path,
            physical: it.physical,
            resource_type: it.resource_type,
            action: "Remove".to_owned(),
            replacement: None,
            policy_action: nested.policy_action.clone(),
            properties: Vec::new(),
        });
        Ok(removed.collect())
    }
}

/// Whether a nested stack is deleted, or replaced by another one.
fn goes_as_a_whole(change: &ResourceChange) -> bool {
    change.action == "Remove" || change.replacement.as_deref() == Some("True")
}

fn read(changes: &[Change], nesting: &[String]) -> Vec<ResourceChange> {
    let changes = changes.iter().filter_map(Change::resource_change);
    changes.map(|it| resource_change(it, nesting)).collect()
}

#[cfg(test)]
mod tests;
