//! Questions to people: asked when a look says so, and ended together with what they are about.

use jiff::Timestamp;
use lockstep::PhaseError;
use lockstep::lambda::traffic::{Decision, Look, decide, question_of};
use lockstep::manifest::{ResolvedTraffic, WhenQuiet};
use lockstep::question::Question;
use lockstep::record::DeploymentRef;
use lockstep_ledger::Ledger;

/// Asks on behalf of one deployment.
#[derive(Debug)]
pub(crate) struct Asking<'a> {
    pub(crate) ledger: &'a Ledger,
    pub(crate) deployment: &'a DeploymentRef,
    pub(crate) fence: u64,
    pub(crate) traffic: &'a ResolvedTraffic,
}

impl Asking<'_> {
    /// The question of a stage, if it was asked.
    pub(crate) async fn question(&self, percent: u32) -> Result<Option<Question>, PhaseError> {
        if self.traffic.when_quiet != WhenQuiet::Ask {
            return Ok(None);
        }
        let id = &self.deployment.id;
        Ok(self.ledger.question(id, &question_of(percent)).await?)
    }

    /// What a look comes to, with the question asked or ended accordingly. An answer that comes
    /// in at the same moment counts: the ledger says which of the two was first.
    pub(crate) async fn decide(
        &self,
        mut look: Look,
    ) -> Result<(Decision, Option<Question>), PhaseError> {
        loop {
            let decision = decide(self.traffic, &look);
            let open = look.question.as_ref().filter(|it| it.is_open());
            let standing = match (&decision, open) {
                (Decision::Ask(question), _) => Some(self.ask(question).await?),
                (Decision::Advance { .. }, Some(_)) => self.withdraw(look.percent, None).await?,
                (Decision::Fail(error), Some(_)) => {
                    self.withdraw(look.percent, Some(error)).await?
                }
                (Decision::Wait { .. }, _) | (_, None) => return Ok((decision, look.question)),
            };
            let ended = standing.as_ref().is_none_or(|it| it.answer.is_none());
            if ended && !matches!(decision, Decision::Ask(_)) {
                return Ok((decision, standing));
            }
            look.question = standing;
        }
    }

    /// Ends the question of a stage that ends with an error of something else.
    pub(crate) async fn give_up(&self, percent: u32, error: &PhaseError) {
        if self.traffic.when_quiet != WhenQuiet::Ask || error.is_transient() {
            return;
        }
        if let Err(unwithdrawn) = self.withdraw(percent, Some(error)).await {
            // The error itself is what people have to know; an answer would only come too late.
            tracing::error!("the question at {percent} % is still open: {unwithdrawn}");
        }
    }

    async fn ask(&self, question: &Question) -> Result<Question, PhaseError> {
        let question = Question {
            fence: self.fence,
            ..question.clone()
        };
        tracing::info!(question = question.what, "asking: {}", question.text);
        Ok(self.ledger.ask(&self.deployment.id, &question).await?)
    }

    async fn withdraw(
        &self,
        percent: u32,
        failure: Option<&PhaseError>,
    ) -> Result<Option<Question>, PhaseError> {
        let (id, what) = (&self.deployment.id, question_of(percent));
        let now = Timestamp::now();
        Ok(self.ledger.withdraw(id, &what, failure, now).await?)
    }
}
