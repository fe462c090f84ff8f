//! What a stack consists of.

use lockstep::PhaseError;
use lockstep::stack::StackResource;

use crate::CloudFormation;
use crate::client::found;
use crate::read::{stack_resource, text};

/// The type of a stack that is nested in another.
pub(crate) const NESTED: &str = "AWS::CloudFormation::Stack";

impl CloudFormation {
    /// The resources of a stack, and of those nested in it, each by the path of its logical ids.
    /// Empty when there is no such stack.
    pub async fn resources(&self, stack: &str) -> Result<Vec<StackResource>, PhaseError> {
        self.resources_below(stack, Vec::new()).await
    }

    /// The resources of a stack that is nested like this.
    pub(crate) async fn resources_below(
        &self,
        stack: &str,
        nesting: Vec<String>,
    ) -> Result<Vec<StackResource>, PhaseError> {
        let mut resources = Vec::new();
        let mut open = vec![(stack.to_owned(), nesting)];
        while let Some((stack, nesting)) = open.pop() {
            let call = self.client.describe_stack_resources().stack_name(&stack);
            let sent = call.send().await;
            let Some(answer) = found("cloudformation:DescribeStackResources", &stack, sent)? else {
                continue;
            };
            for resource in answer.stack_resources() {
                let read = stack_resource(resource, &nesting);
                if read.resource_type == NESTED
                    && read.exists()
                    && let Some(physical) = &read.physical
                {
                    let logical = text(resource.logical_resource_id());
                    let nesting = nesting.iter().cloned().chain([logical]).collect();
                    open.push((physical.clone(), nesting));
                }
                resources.push(read);
            }
        }
        Ok(resources)
    }
}
