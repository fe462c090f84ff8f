//! Plans, steps and their journal.

use jiff::Timestamp;
use lockstep::plan::{Plan, Stage, Step};
use lockstep::record::{DeploymentRef, StepJournal};
use lockstep::{DeploymentId, PhaseError};

use crate::environment::lock;
use crate::error::LedgerError;
use crate::item::{Item, body, body_item, find_text, find_time, json, key_item, number, text};
use crate::lock::LEASE;
use crate::transaction::{Expression, Outcome, Transaction};
use crate::wake::Registration;
use crate::{Ledger, keys};

/// What the attribute `stage` of a plan says while only its stacks are planned. A whole plan
/// has none.
const STACKS_ONLY: &str = "infrastructure";

/// A phase's word that it takes up a step now.
#[derive(Debug, Clone)]
pub struct TakeUpRequest<'a> {
    /// The deployment.
    pub deployment: &'a DeploymentRef,
    /// The fencing number it was given with the lock.
    pub fence: u64,
    /// The step; `None` for a phase that works on the whole environment.
    pub step: Option<u32>,
    /// Whether the step is undone. Undo goes on in spite of a raised halt flag.
    pub undo: bool,
    /// What should wake it while it waits.
    pub registrations: &'a [Registration],
}

/// What came of taking up a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TakeUp {
    /// The lock is ours, its lease is renewed, and the wake registrations are written.
    Go,
    /// Another step failed first.
    Halted {
        /// The failure that raised the flag.
        by: String,
    },
    /// The lock is not ours any more.
    LockLost {
        /// Who holds it now, in words.
        holder: String,
    },
}

/// A step that needs no further look.
#[derive(Debug, Clone)]
pub struct Finished<'a> {
    /// The deployment.
    pub deployment: &'a DeploymentId,
    /// The step.
    pub step: u32,
    /// Whether it is its undo that is done.
    pub undo: bool,
    /// What came of it, in one clause.
    pub note: &'a str,
    /// Why it failed, if it did.
    pub failure: Option<&'a PhaseError>,
    /// What would have woken it.
    pub registrations: &'a [Registration],
}

impl Ledger {
    /// Writes a plan and its steps, unless the deployment has a plan already: steps never
    /// change, and a copy of the invocation must not replace what may be running. Gives the
    /// plan that holds.
    pub async fn put_plan(&self, id: &DeploymentId, plan: Plan) -> Result<Plan, LedgerError> {
        let first = Expression::when("attribute_not_exists(pk)");
        self.write_plan(id, plan, 0, first).await
    }

    /// Writes the whole plan in place of the part of it that is about stacks, with the steps
    /// that were added. The first one wins, as with [`Ledger::put_plan`]; gives the plan that
    /// holds.
    pub async fn extend_plan(&self, id: &DeploymentId, plan: Plan) -> Result<Plan, LedgerError> {
        let known = self.plan(id).await?.map_or(0, |plan| plan.steps.len());
        let unfinished = Expression::when("stage = :stage").value(":stage", text(STACKS_ONLY));
        self.write_plan(id, plan, known, unfinished).await
    }

    /// Writes a plan, and those of its steps that are not `known` yet.
    async fn write_plan(
        &self,
        id: &DeploymentId,
        plan: Plan,
        known: usize,
        expression: Expression,
    ) -> Result<Plan, LedgerError> {
        let mut transaction = Transaction::default();
        let mut item = body_item(keys::of_deployment(id, "plan"), &plan)?;
        if plan.stage == Stage::Infrastructure {
            item.insert("stage".to_owned(), text(STACKS_ONLY));
        }
        transaction.put(self, item, expression)?;
        for step in plan.steps.iter().skip(known) {
            transaction.put(
                self,
                body_item(keys::step(id, step.number), step)?,
                Expression::default(),
            )?;
        }
        match transaction.commit(self).await? {
            Outcome::Written => Ok(plan),
            Outcome::Refused(_) => self.plan(id).await?.ok_or_else(|| LedgerError::Contended {
                what: "writing the plan".to_owned(),
            }),
        }
    }

    /// A deployment's plan; `None` when it was not planned yet.
    pub async fn plan(&self, id: &DeploymentId) -> Result<Option<Plan>, LedgerError> {
        self.get(keys::of_deployment(id, "plan"))
            .await?
            .as_ref()
            .map(body)
            .transpose()
    }

    /// One step.
    pub async fn step(&self, id: &DeploymentId, number: u32) -> Result<Option<Step>, LedgerError> {
        self.get(keys::step(id, number))
            .await?
            .as_ref()
            .map(body)
            .transpose()
    }

    /// The journal of one step.
    pub async fn journal(
        &self,
        id: &DeploymentId,
        number: u32,
    ) -> Result<StepJournal, LedgerError> {
        Ok(self
            .get(keys::journal(id, number))
            .await?
            .as_ref()
            .map(journal)
            .unwrap_or_default())
    }

    /// Proves that the lock is still ours, renews its lease, notes when the step was
    /// first taken up, and registers the task token under the step's wake keys: one
    /// write for everything that has to be true before a phase acts.
    pub async fn take_up(
        &self,
        request: &TakeUpRequest<'_>,
        now: Timestamp,
    ) -> Result<TakeUp, LedgerError> {
        let me = request.deployment;
        let (condition, first) = if request.undo {
            (
                "deployment = :me AND fence = :fence",
                "SET undo_started_at = if_not_exists(undo_started_at, :now)",
            )
        } else {
            (
                "deployment = :me AND fence = :fence AND attribute_not_exists(halted_by)",
                "SET started_at = if_not_exists(started_at, :now)",
            )
        };
        let mut transaction = Transaction::default();
        let renew = Expression::update("SET lease_until = :until")
            .only_when(condition)
            .value(":until", text((now + LEASE).to_string()))
            .value(":me", text(me.id.as_str()))
            .value(":fence", number(request.fence));
        transaction.update(
            self,
            keys::of_environment(&me.application, &me.environment, "lock"),
            renew,
        )?;
        if let Some(step) = request.step {
            let first = Expression::update(first).value(":now", text(now.to_string()));
            transaction.update(self, keys::journal(&me.id, step), first)?;
        }
        for registration in request.registrations {
            transaction.put(self, registration.item(now), Expression::default())?;
        }
        match transaction.commit(self).await? {
            Outcome::Written => Ok(TakeUp::Go),
            Outcome::Refused(refused) => refusal(&refused, request),
        }
    }

    /// Whether a deployment may still act, without taking up anything: for work of many calls,
    /// before each of them.
    pub async fn may_act(
        &self,
        me: &DeploymentRef,
        fence: u64,
        undo: bool,
    ) -> Result<TakeUp, LedgerError> {
        let key = keys::of_environment(&me.application, &me.environment, "lock");
        let item = self.get(key).await?.unwrap_or_default();
        Ok(match standing(&item, me, fence)? {
            TakeUp::Halted { .. } if undo => TakeUp::Go,
            standing => standing,
        })
    }

    /// Notes what was last seen of a step.
    pub async fn note(&self, id: &DeploymentId, step: u32, note: &str) -> Result<(), LedgerError> {
        let mut transaction = Transaction::default();
        let update = Expression::update("SET note = :note").value(":note", text(note));
        transaction.update(self, keys::journal(id, step), update)?;
        transaction.commit(self).await.map(drop)
    }

    /// Notes that a step is done, or undone, and forgets its wake registrations.
    pub async fn finish(&self, finished: &Finished<'_>, now: Timestamp) -> Result<(), LedgerError> {
        let mut transaction = Transaction::default();
        self.close_journal(&mut transaction, finished, now)?;
        transaction.commit(self).await.map(drop)
    }

    /// Notes that a step has failed, forgets its wake registrations, and raises the halt
    /// flag: the other steps of the deployment stop at their next look. Only the first
    /// failure is kept. Does nothing when the lock is not held with `fence` any more.
    pub async fn fail(
        &self,
        me: &DeploymentRef,
        fence: u64,
        finished: &Finished<'_>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let mut transaction = Transaction::default();
        let raise = Expression::update("SET halted_by = if_not_exists(halted_by, :by)")
            .only_when("deployment = :me AND fence = :fence")
            .value(":by", text(finished.note))
            .value(":me", text(me.id.as_str()))
            .value(":fence", number(fence));
        transaction.update(
            self,
            keys::of_environment(&me.application, &me.environment, "lock"),
            raise,
        )?;
        self.close_journal(&mut transaction, finished, now)?;
        transaction.commit(self).await.map(drop)
    }

    fn close_journal(
        &self,
        transaction: &mut Transaction,
        finished: &Finished<'_>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let key = keys::journal(finished.deployment, finished.step);
        let update = match (finished.undo, finished.failure) {
            (true, _) => Expression::update("SET undone_at = :now, note = :note"),
            (false, None) => Expression::update("SET finished_at = :now, note = :note"),
            (false, Some(failure)) => {
                Expression::update("SET finished_at = :now, note = :note, failure = :failure")
                    .value(":failure", text(json(&key, failure)?))
            }
        };
        let update = update
            .value(":now", text(now.to_string()))
            .value(":note", text(finished.note));
        transaction.update(self, key, update)?;
        for registration in finished.registrations {
            transaction.delete(self, registration.table_key())?;
        }
        Ok(())
    }

    /// A step and its journal, in one read.
    pub async fn step_and_journal(
        &self,
        id: &DeploymentId,
        number: u32,
    ) -> Result<(Option<Step>, StepJournal), LedgerError> {
        let (step_key, journal_key) = (keys::step(id, number), keys::journal(id, number));
        let (step_sk, journal_sk) = (step_key.sk.clone(), journal_key.sk.clone());
        let wanted = aws_sdk_dynamodb::types::KeysAndAttributes::builder()
            .keys(key_item(step_key))
            .keys(key_item(journal_key))
            .consistent_read(true)
            .build()
            .map_err(|error| LedgerError::Unreadable {
                item: step_sk.clone(),
                reason: error.to_string(),
            })?;
        let sent = self
            .client
            .batch_get_item()
            .request_items(&self.table, wanted)
            .send()
            .await;
        let output = sent.map_err(|error| LedgerError::sdk("dynamodb:BatchGetItem", &error))?;
        if output
            .unprocessed_keys()
            .is_some_and(|keys| !keys.is_empty())
        {
            return Err(LedgerError::Contended {
                what: "BatchGetItem left keys unprocessed".to_owned(),
            });
        }
        let items = output
            .responses()
            .and_then(|tables| tables.get(&self.table))
            .map_or(&[][..], Vec::as_slice);
        let find = |sk: &str| items.iter().find(|item| find_text(item, "sk") == Some(sk));
        let step = find(&step_sk).map(body).transpose()?;
        Ok((step, find(&journal_sk).map(journal).unwrap_or_default()))
    }
}

fn journal(item: &Item) -> StepJournal {
    StepJournal {
        started_at: find_time(item, "started_at"),
        finished_at: find_time(item, "finished_at"),
        undo_started_at: find_time(item, "undo_started_at"),
        undone_at: find_time(item, "undone_at"),
        note: find_text(item, "note").unwrap_or_default().to_owned(),
        failure: find_text(item, "failure").and_then(|json| serde_json::from_str(json).ok()),
    }
}

/// Only the lock's condition can refuse.
fn refusal(refused: &[Option<Item>], request: &TakeUpRequest<'_>) -> Result<TakeUp, LedgerError> {
    let Some(Some(item)) = refused.first() else {
        return Err(LedgerError::Contended {
            what: "taking up the step".to_owned(),
        });
    };
    match standing(item, request.deployment, request.fence)? {
        TakeUp::Go => Err(LedgerError::Contended {
            what: "taking up the step".to_owned(),
        }),
        standing => Ok(standing),
    }
}

/// What a lock means for who holds it, or held it, with a fencing number.
fn standing(item: &Item, me: &DeploymentRef, fence: u64) -> Result<TakeUp, LedgerError> {
    if item.is_empty() {
        return Ok(TakeUp::LockLost {
            holder: "nobody".to_owned(),
        });
    }
    let lock = lock(item)?;
    let ours = lock.deployment.as_ref() == Some(&me.id) && lock.fence == fence;
    Ok(match (ours, lock.halted_by, lock.deployment) {
        (true, Some(by), _) => TakeUp::Halted { by },
        (true, None, _) => TakeUp::Go,
        (false, _, Some(holder)) => TakeUp::LockLost {
            holder: format!("deployment {holder}"),
        },
        (false, _, None) => TakeUp::LockLost {
            holder: "nobody".to_owned(),
        },
    })
}
