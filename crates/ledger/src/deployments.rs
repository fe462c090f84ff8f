//! Deployments: creating, reading and listing their records.

use jiff::Timestamp;
use lockstep::DeploymentId;
use lockstep::record::{DeploymentRecord, Source};
use lockstep::release::Artifact;
use lockstep::verdict::Verdict;
use serde::{Deserialize, Serialize};

use crate::environment::newest;
use crate::error::LedgerError;
use crate::item::{
    Item, body, body_item, expires, find_text, get_text, key_item, number, sk_after, text,
};
use crate::transaction::{Expression, Outcome, Transaction};
use crate::{Ledger, keys};

/// The newest artifact that was ever asked for in an environment, by component.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Newest {
    /// Its digest.
    pub digest: String,
    /// When it was pushed.
    pub pushed_at: Timestamp,
    /// The deployment that asked for it.
    pub deployment: DeploymentId,
}

/// What came of creating a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Created {
    /// It exists now, or existed already because this is a retry.
    Yes,
    /// The execution ended before it had created one, and nobody will carry on.
    ExecutionEnded,
    /// The trigger event was handled before.
    DuplicateEvent {
        /// By this deployment.
        deployment: DeploymentId,
    },
    /// The image is one that a build of a deployment makes, or made, and that deployment takes it.
    Built {
        /// The deployment.
        deployment: DeploymentId,
    },
    /// The same artifact, or a newer one, was asked for before.
    NotNewer {
        /// The component that has it.
        component: String,
        /// What was asked for before.
        newest: Newest,
    },
}

/// A deployment's line in the history of its environment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HistoryLine {
    /// The deployment.
    pub id: DeploymentId,
    /// When its execution began.
    pub started_at: Timestamp,
    /// Who or what asked for it.
    pub source: String,
    /// What it was asked to deploy.
    pub release: String,
    /// How it ended; `None` while it runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub concluded_at: Option<Timestamp>,
    /// What happened, in a sentence.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

impl HistoryLine {
    /// The line for a record as it is now.
    pub fn of(record: &DeploymentRecord) -> Self {
        let release = lockstep::release::Release {
            manifest_version: record.manifest_version,
            artifacts: record.requested.clone(),
        };
        let conclusion = record.conclusion.as_ref();
        Self {
            id: record.deployment.id.clone(),
            started_at: record.execution.started_at,
            source: record.source.label(),
            release: match record.only.words() {
                Some(only) => format!("{only}: {}", release.label()),
                None => release.label(),
            },
            verdict: conclusion.map(|conclusion| conclusion.verdict),
            concluded_at: conclusion.map(|conclusion| conclusion.concluded_at),
            message: conclusion
                .map(|conclusion| conclusion.message.clone())
                .unwrap_or_default(),
        }
    }
}

/// The positions of the writes in the creating transaction.
const RECORD: usize = 0;
const EXECUTION: usize = 2;
const MARKS: usize = 3;

impl Ledger {
    /// Creates a deployment with its history line and its execution's index entry. For
    /// a push it also claims the event and raises the never-older mark of each
    /// component. All or nothing; a retry of the same execution finds its own record.
    ///
    /// `allow_older` is a person's word that an older artifact is wanted: the mark stays.
    pub async fn create_deployment(
        &self,
        record: &DeploymentRecord,
        allow_older: bool,
        now: Timestamp,
    ) -> Result<Created, LedgerError> {
        let me = &record.deployment;
        let mut transaction = self.creating(record)?;
        let mut components = Vec::new();
        if !allow_older {
            self.raise_marks(&mut transaction, record, &mut components)?;
        }
        if let Source::EcrPush { event, .. } = &record.source {
            let mut claim = key_item(keys::event(&event_claim(event, record)));
            claim.insert("deployment".to_owned(), text(me.id.as_str()));
            claim.insert("expires_at".to_owned(), expires(now, 30));
            transaction.put(self, claim, Expression::when("attribute_not_exists(pk)"))?;
            self.not_built_here(&mut transaction, record)?;
        }
        match transaction.commit(self).await? {
            Outcome::Written => Ok(Created::Yes),
            Outcome::Refused(refused) => refusal(&refused, &components, record),
        }
    }

    /// What creates every deployment: its record, its history line and its execution's index
    /// entry, in the order of [`RECORD`] and the others.
    pub(crate) fn creating(&self, record: &DeploymentRecord) -> Result<Transaction, LedgerError> {
        let me = &record.deployment;
        let mut transaction = Transaction::default();
        transaction.put(
            self,
            body_item(keys::of_deployment(&me.id, "record"), record)?,
            Expression::when("attribute_not_exists(pk)"),
        )?;
        let line_key =
            keys::of_environment(&me.application, &me.environment, keys::history_line(&me.id));
        transaction.put(
            self,
            body_item(line_key, &HistoryLine::of(record))?,
            Expression::default(),
        )?;
        let mut index = key_item(keys::execution(&record.execution.name));
        index.insert("deployment".to_owned(), text(me.id.as_str()));
        transaction.put(self, index, Expression::when("attribute_not_exists(ended)"))?;
        Ok(transaction)
    }

    fn raise_marks(
        &self,
        transaction: &mut Transaction,
        record: &DeploymentRecord,
        components: &mut Vec<String>,
    ) -> Result<(), LedgerError> {
        let me = &record.deployment;
        // A person may ask for the newest artifact again; a push of it is a duplicate. ECR
        // gives push times in whole seconds, so of two images of one second the later event wins.
        let condition = if record.source.is_manual() {
            "attribute_not_exists(pk) OR pushed_ms <= :ms"
        } else {
            "attribute_not_exists(pk) OR pushed_ms < :ms OR (pushed_ms = :ms AND digest <> :digest)"
        };
        for (component, artifact) in &record.requested {
            if artifact.as_unbuilt().is_some() {
                // Nobody knows its age yet: its mark is raised once it is there.
                continue;
            }
            let mark = mark(artifact, &me.id).only_when(condition);
            let key =
                keys::of_environment(&me.application, &me.environment, keys::newest(component));
            transaction.update(self, key, mark)?;
            components.push(component.clone());
        }
        Ok(())
    }

    /// A deployment's record.
    pub async fn record(&self, id: &DeploymentId) -> Result<Option<DeploymentRecord>, LedgerError> {
        self.get(keys::of_deployment(id, "record"))
            .await?
            .as_ref()
            .map(body)
            .transpose()
    }

    /// A deployment's record, and the deployment that took its place while it waited.
    pub async fn record_and_successor(
        &self,
        id: &DeploymentId,
    ) -> Result<Option<(DeploymentRecord, Option<String>)>, LedgerError> {
        let item = self.get(keys::of_deployment(id, "record")).await?;
        item.map(|item| {
            Ok((
                body(&item)?,
                find_text(&item, "superseded_by").map(str::to_owned),
            ))
        })
        .transpose()
    }

    /// The deployment that an ended execution ran. Where it had not created one, this keeps
    /// a trigger that is still at work from creating one that nobody would carry on.
    pub async fn end_execution(
        &self,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<DeploymentId>, LedgerError> {
        let end = Expression::update("SET ended = :now, expires_at = :expires")
            .only_when("attribute_not_exists(deployment)")
            .value(":now", text(now.to_string()))
            .value(":expires", expires(now, 30));
        let mut transaction = Transaction::default();
        transaction.update(self, keys::execution(name), end)?;
        match transaction.commit(self).await? {
            Outcome::Written => Ok(None),
            Outcome::Refused(refused) => {
                let standing = refused.into_iter().next().flatten().unwrap_or_default();
                let id = get_text(&standing, "deployment")?;
                crate::environment::deployment_id(&standing, id).map(Some)
            }
        }
    }

    /// The deployment that an execution runs.
    pub async fn deployment_of_execution(
        &self,
        name: &str,
    ) -> Result<Option<DeploymentId>, LedgerError> {
        let Some(item) = self.get(keys::execution(name)).await? else {
            return Ok(None);
        };
        find_text(&item, "deployment")
            .map(|id| crate::environment::deployment_id(&item, id))
            .transpose()
    }

    /// The newest `limit` deployments of an environment, newest first.
    pub async fn history(
        &self,
        application: &str,
        environment: &str,
        limit: i32,
    ) -> Result<Vec<HistoryLine>, LedgerError> {
        let sent = self
            .client
            .query()
            .table_name(&self.table)
            .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
            .expression_attribute_values(":pk", text(keys::environment(application, environment)))
            .expression_attribute_values(":prefix", text("deployment#"))
            .scan_index_forward(false)
            .limit(limit)
            .send()
            .await;
        let output = sent.map_err(|error| LedgerError::sdk("dynamodb:Query", &error))?;
        output.items().iter().map(body).collect()
    }
}

/// Raises the never-older mark of a component to an artifact.
pub(crate) fn mark(artifact: &Artifact, me: &DeploymentId) -> Expression {
    Expression::update("SET digest = :digest, pushed_at = :at, pushed_ms = :ms, deployment = :me")
        .value(":digest", text(artifact.id()))
        .value(":at", text(artifact.made_at().to_string()))
        .value(":ms", number(artifact.made_at().as_millisecond()))
        .value(":me", text(me.as_str()))
}

/// A push that concerns several environments claims its event once in each.
fn event_claim(event: &str, record: &DeploymentRecord) -> String {
    format!(
        "{event}#{}#{}",
        record.deployment.application, record.deployment.environment
    )
}

/// Whether the record that is there was written to keep the refusal of this request: such a
/// record asks for nothing. The retry of a refused request must be refused again.
fn keeps_a_refusal(standing: &Item, record: &DeploymentRecord) -> Result<bool, LedgerError> {
    let asks = |record: &DeploymentRecord| !record.requested.is_empty() || record.release.is_some();
    if !asks(record) || find_text(standing, "body").is_none() {
        return Ok(false);
    }
    Ok(!asks(&body(standing)?))
}

/// Why the creating transaction was refused. An existing record means a retry.
pub(crate) fn refusal(
    refused: &[Option<Item>],
    components: &[String],
    record: &DeploymentRecord,
) -> Result<Created, LedgerError> {
    if let Some(Some(standing)) = refused.get(RECORD)
        && !keeps_a_refusal(standing, record)?
    {
        return Ok(Created::Yes);
    }
    if let Some(Some(_)) = refused.get(EXECUTION) {
        return Ok(Created::ExecutionEnded);
    }
    let marks = refused.iter().skip(MARKS);
    for (component, item) in components.iter().zip(marks.clone()) {
        if let Some(item) = item {
            return Ok(Created::NotNewer {
                component: component.clone(),
                newest: newest(item)?,
            });
        }
    }
    if let Some(Some(item)) = marks.clone().nth(components.len()) {
        let deployment = crate::environment::deployment_id(item, get_text(item, "deployment")?)?;
        return Ok(Created::DuplicateEvent { deployment });
    }
    let mut others = marks.skip(components.len() + 1).flatten();
    if let Some(item) = others.find(|item| sk_after(item, "built#").is_some()) {
        let deployment = crate::environment::deployment_id(item, get_text(item, "deployment")?)?;
        return Ok(Created::Built { deployment });
    }
    Err(LedgerError::Contended {
        what: "creating the deployment".to_owned(),
    })
}
