//! What happened to a stack. CloudFormation gives events newest first, a page at a time.

use lockstep::PhaseError;
use lockstep::stack::{Operation, StackEvent};

use crate::CloudFormation;
use crate::client::found;
use crate::read::stack_event;
use crate::resources::NESTED;

/// How deep nested stacks are followed. AWS sets no limit; five are more than anybody reads.
const DEPTH: usize = 5;

impl CloudFormation {
    /// The events of a stack, newest first, down to the one with the id `until`, which is not
    /// among them; all of them where it is `None` or not found any more. No page is read that is
    /// not needed. Empty when there is no such stack.
    ///
    /// Of nested stacks that failed in between, the events are among them, too, after those of
    /// the stack itself: they say what failed. So are resources that are invalid, where that kept
    /// an operation from beginning.
    pub async fn events(
        &self,
        stack: &str,
        until: Option<&str>,
    ) -> Result<Vec<StackEvent>, PhaseError> {
        let mut events = self
            .events_while(stack, &[], |event| Some(event.id.as_str()) != until)
            .await?;
        let invalid = self.invalid_resources(stack, &events).await?;
        let since = events.last().map(|event| event.at);
        events.extend(invalid);
        let mut next = 0;
        let mut end = events.len();
        while let (Some(since), true) = (since, next < end) {
            for index in next..end {
                if let Some((stack, nesting)) = failed_nested(&events, index) {
                    let nested = self
                        .events_while(&stack, &nesting, |event| event.at >= since)
                        .await?;
                    events.extend(nested);
                }
            }
            next = end;
            end = events.len();
        }
        Ok(events)
    }

    /// What the stack did last: its own newest event.
    pub async fn last_operation(&self, stack: &str) -> Result<Option<Operation>, PhaseError> {
        let mut found = false;
        let newest = self
            .events_while(stack, &[], |event| {
                let go_on = !found;
                found |= event.is_of_stack();
                go_on
            })
            .await?;
        Ok(Operation::last(&newest))
    }

    /// Events, newest first, as long as `wanted` accepts them.
    async fn events_while(
        &self,
        stack: &str,
        nesting: &[String],
        mut wanted: impl FnMut(&StackEvent) -> bool,
    ) -> Result<Vec<StackEvent>, PhaseError> {
        let mut events: Vec<StackEvent> = Vec::new();
        let mut token = None;
        loop {
            let call = self.client.describe_stack_events().stack_name(stack);
            let sent = call.set_next_token(token).send().await;
            let Some(page) = found("cloudformation:DescribeStackEvents", stack, sent)? else {
                return Ok(events);
            };
            for event in page.stack_events() {
                let event = stack_event(event, nesting);
                // An event that comes while the pages are read moves the others on.
                if events
                    .iter()
                    .rev()
                    .take(200)
                    .any(|known| known.id == event.id)
                {
                    continue;
                }
                if !wanted(&event) {
                    return Ok(events);
                }
                events.push(event);
            }
            token = page.next_token().map(str::to_owned);
            if token.is_none() {
                return Ok(events);
            }
        }
    }
}

/// The nested stack whose failure this event tells, and the way to it. It tells so once for the
/// change and perhaps again for the rollback: only the first look counts.
fn failed_nested(events: &[StackEvent], index: usize) -> Option<(String, Vec<String>)> {
    let is_told = |event: &StackEvent| {
        event.resource_type == NESTED
            && event.status.ends_with("_FAILED")
            && event.physical.as_deref() != Some(event.stack.as_str())
    };
    let event = events.get(index)?;
    let physical = event.physical.clone()?;
    let is_first = !events[..index]
        .iter()
        .any(|earlier| is_told(earlier) && earlier.physical == event.physical);
    if !is_told(event) || !is_first || event.nesting.len() >= DEPTH {
        return None;
    }
    let nesting = event.nesting.iter().cloned();
    Some((physical, nesting.chain([event.logical.clone()]).collect()))
}

#[cfg(test)]
mod tests;
