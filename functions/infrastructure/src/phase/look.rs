//! All that is looked at before the next call is decided.

use lockstep::PhaseError;
use lockstep::stack::{Heal, LiveStack, Looked, StackEvent, StackStep, identity};
use sha2::{Digest, Sha256};

use super::StackPhase;

/// How often a stack is looked at anew when what it says and what its events say differ.
const LOOKS: usize = 3;

impl StackPhase {
    /// Looks at the stack, at what happened to it since the plan was made, and at the
    /// deployment's change sets.
    pub(super) async fn look(&self, step: &StackStep, undo: bool) -> Result<Looked, PhaseError> {
        let cloudformation = &self.cloudformation;
        let Some((live, events)) = self.stack_and_events(step).await? else {
            return Ok(Looked::default());
        };
        let change_set = async |undo| {
            let name = identity::change_set(&step.deployment, undo);
            cloudformation.change_set(&step.stack, &name).await
        };
        let is_new = step.before.is_none();
        let continues = matches!(step.heal, Some(Heal::ContinueRollback { .. }));
        let recreates = step.heal == Some(Heal::DeleteAndCreate);
        Ok(Looked {
            change_set: change_set(false).await?,
            undo_change_set: if undo { change_set(true).await? } else { None },
            template_sha256: if !is_new && (undo || continues) {
                self.template_sha256(&live).await?
            } else {
                None
            },
            resources: if is_new && (undo || recreates) {
                cloudformation.resources(&live.id).await?
            } else {
                Vec::new()
            },
            stack: Some(live),
            events,
        })
    }

    /// The stack and its events as of one moment. The status of a stack and the event that tells
    /// it are not written together: between them nobody can say whose operation it is.
    async fn stack_and_events(
        &self,
        step: &StackStep,
    ) -> Result<Option<(LiveStack, Vec<StackEvent>)>, PhaseError> {
        let known = step
            .before
            .as_ref()
            .and_then(|it| it.last_operation.as_ref());
        let known = known.map(|operation| operation.event.as_str());
        let mut status = String::new();
        for _ in 0..LOOKS {
            let Some(mut live) = self.cloudformation.stack(&step.stack).await? else {
                return Ok(None);
            };
            // Of another stack of the same name every event is news.
            let is_same = step.before.as_ref().is_none_or(|it| it.id == live.id);
            let until = known.filter(|_| is_same);
            let events = self.cloudformation.events(&live.id, until).await?;
            let newest = events.iter().find(|event| event.is_of_stack());
            let agree = match newest {
                Some(event) => event.status == live.status.as_str(),
                None => !live.status.is_in_progress(),
            };
            if agree {
                live.last_operation = lockstep::stack::Operation::last(&events);
                return Ok(Some((live, events)));
            }
            status = live.status.to_string();
        }
        Err(PhaseError::Transient {
            operation: "cloudformation:DescribeStackEvents".to_owned(),
            source_text: format!(
                "{} is {status}, and its events do not tell it yet",
                step.resource()
            ),
        })
    }

    async fn template_sha256(&self, live: &LiveStack) -> Result<Option<String>, PhaseError> {
        let template = self.cloudformation.template(&live.id).await?;
        Ok(template.map(|template| format!("{:x}", Sha256::digest(template))))
    }
}
