//! Questions to people: each is asked once, and ends once.

use aws_sdk_dynamodb::types::AttributeValue;
use jiff::Timestamp;
use lockstep::question::{Answer, Question, Withdrawn};
use lockstep::record::{Conclusion, DeploymentRef};
use lockstep::{DeploymentId, PhaseError};

use crate::error::LedgerError;
use crate::item::{Item, body, json, number, text, unreadable};
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

/// What came of answering.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answered {
    /// The answer counts.
    Given,
    /// There is no such question.
    NoQuestion,
    /// Somebody answered before.
    Before(Answer),
    /// It is no longer asked.
    Withdrawn(Withdrawn),
    /// Its time was over.
    TooLate,
    /// The deployment has its verdict.
    Concluded(Box<Conclusion>),
    /// The deployment does not have its environment any more: it was stopped, and is being put
    /// back.
    Unwinding,
}

/// A question takes no answer, or ends, only while this holds.
const OPEN: &str =
    "attribute_exists(body) AND attribute_not_exists(answer) AND attribute_not_exists(withdrawn)";

/// An answer has to be in time as well.
const ANSWERABLE: &str = "attribute_exists(body) AND attribute_not_exists(answer) AND attribute_not_exists(withdrawn) AND ends_ms > :now";

impl Ledger {
    /// Asks a question, unless it was asked before. Gives it as it stands: a repeated or
    /// overlapping invocation finds the first one, with what became of it.
    pub async fn ask(
        &self,
        id: &DeploymentId,
        question: &Question,
    ) -> Result<Question, LedgerError> {
        let key = keys::question(id, &question.what);
        let ask = Expression::update("SET body = :body, ends_ms = :ends")
            .only_when("attribute_not_exists(body)")
            .value(":body", text(json(&key, question)?))
            .value(":ends", number(question.ends_at.as_millisecond()));
        match self.write_question(key, ask).await? {
            None => Ok(question.clone()),
            Some(standing) => read(&standing),
        }
    }

    /// A question of a deployment, with what became of it.
    pub async fn question(
        &self,
        id: &DeploymentId,
        what: &str,
    ) -> Result<Option<Question>, LedgerError> {
        let item = self.get(keys::question(id, what)).await?;
        item.as_ref().map(read).transpose()
    }

    /// All questions of a deployment, the first one first.
    pub async fn questions(&self, id: &DeploymentId) -> Result<Vec<Question>, LedgerError> {
        let (from, to) = (keys::question(id, ""), keys::question(id, "~"));
        let items = self.range(from.pk, &from.sk, &to.sk).await?;
        let mut questions = items.iter().map(read).collect::<Result<Vec<_>, _>>()?;
        questions.sort_by_key(|question| question.asked_at);
        Ok(questions)
    }

    /// Answers a question: only if nobody did, it is still asked, its time is not over, and
    /// the deployment still works on its environment. Giving the same answer again, after
    /// the first one's answer was lost, is the same answer.
    pub async fn answer(
        &self,
        me: &DeploymentRef,
        question: &Question,
        answer: &Answer,
    ) -> Result<Answered, LedgerError> {
        let key = keys::question(&me.id, &question.what);
        let given = Expression::update("SET answer = :answer")
            .only_when(ANSWERABLE)
            .value(":answer", text(json(&key, answer)?))
            .value(":now", number(answer.at.as_millisecond()));
        let held = Expression::when("deployment = :me AND fence = :fence")
            .value(":me", text(me.id.as_str()))
            .value(":fence", number(question.fence));
        let mut transaction = Transaction::default();
        transaction.update(self, key, given)?;
        let lock = keys::of_environment(&me.application, &me.environment, "lock");
        transaction.check(self, lock, held)?;
        let refused = match transaction.commit(self).await? {
            Outcome::Written => return Ok(Answered::Given),
            Outcome::Refused(refused) => refused,
        };
        match refused.into_iter().next().flatten() {
            Some(standing) if standing.is_empty() => Ok(Answered::NoQuestion),
            Some(standing) => Ok(refusal(read(&standing)?, answer)),
            None => self.unheld(&me.id).await,
        }
    }

    /// Why a deployment has not got its lock any more.
    async fn unheld(&self, id: &DeploymentId) -> Result<Answered, LedgerError> {
        let conclusion = self.record(id).await?.and_then(|record| record.conclusion);
        Ok(conclusion.map_or(Answered::Unwinding, |it| Answered::Concluded(Box::new(it))))
    }

    /// Asks a question no longer: `failure` says what ended it, or nothing where there is
    /// enough to decide by now. Gives the question as it stands, because an answer that was
    /// given before counts; `None` where it was never asked.
    pub async fn withdraw(
        &self,
        id: &DeploymentId,
        what: &str,
        failure: Option<&PhaseError>,
        now: Timestamp,
    ) -> Result<Option<Question>, LedgerError> {
        let key = keys::question(id, what);
        let withdrawn = Withdrawn {
            at: now,
            failure: failure.cloned(),
        };
        let withdraw = Expression::update("SET withdrawn = :withdrawn")
            .only_when(OPEN)
            .value(":withdrawn", text(json(&key, &withdrawn)?));
        match self.write_question(key, withdraw).await? {
            None => self.question(id, what).await,
            Some(standing) if standing.is_empty() => Ok(None),
            Some(standing) => read(&standing).map(Some),
        }
    }

    /// One conditional write of a question; the item that stands in its way.
    async fn write_question(
        &self,
        key: keys::Key,
        write: Expression,
    ) -> Result<Option<Item>, LedgerError> {
        let mut transaction = Transaction::default();
        transaction.update(self, key, write)?;
        match transaction.commit(self).await? {
            Outcome::Written => Ok(None),
            Outcome::Refused(refused) => Ok(Some(
                refused.into_iter().flatten().next().unwrap_or_default(),
            )),
        }
    }
}

fn refusal(standing: Question, answer: &Answer) -> Answered {
    match (standing.answer, standing.withdrawn) {
        (Some(before), _) if before == *answer => Answered::Given,
        (Some(before), _) => Answered::Before(before),
        (None, Some(withdrawn)) => Answered::Withdrawn(withdrawn),
        (None, None) => Answered::TooLate,
    }
}

fn read(item: &Item) -> Result<Question, LedgerError> {
    let mut question: Question = body(item)?;
    question.answer = attribute(item, "answer")?;
    question.withdrawn = attribute(item, "withdrawn")?;
    Ok(question)
}

fn attribute<T: serde::de::DeserializeOwned>(
    item: &Item,
    name: &str,
) -> Result<Option<T>, LedgerError> {
    let json = item.get(name).map(AttributeValue::as_s);
    let Some(json) = json else { return Ok(None) };
    let json = json.map_err(|_| unreadable(item, &format!("attribute {name} is not a string")))?;
    serde_json::from_str(json)
        .map(Some)
        .map_err(|error| unreadable(item, &format!("{name}: {error}")))
}
