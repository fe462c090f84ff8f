//! A service whose application has one CloudFormation stack.

use std::collections::BTreeMap;
use std::time::Duration;

use aws_sdk_cloudformation::types::Parameter;
use jiff::Timestamp;
use lockstep::manifest::{Manifest, trigger_index};
use lockstep_cli::aws::Controller;
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::gateway::{ResourceAction, ResourceFault};
use lockstep_cli::local::{sam, sdk};
use lockstep_cli::templates;
use lockstep_tests::{Application, ENVIRONMENT, Execution, Snapshot, World, eventually};

/// A service, and a stack beside it.
pub struct Stacked<'w> {
    /// The service.
    pub application: Application<'w>,
    world: &'w World,
    /// What the new template has more.
    more: &'static str,
}

/// What there is of both.
#[derive(Debug)]
pub struct SeenStacked {
    /// The service, and what the ledger keeps.
    pub service: Snapshot,
    /// The stack; `None` when there is none.
    pub stack: Option<SeenStack>,
    /// The change sets of the stack that deployments made.
    pub change_sets: Vec<String>,
}

/// What of a stack a deployment may change.
#[derive(Debug, PartialEq, Eq)]
pub struct SeenStack {
    id: String,
    template: String,
    parameters: BTreeMap<String, String>,
    outputs: BTreeMap<String, String>,
    tags: BTreeMap<String, String>,
    is_protected: bool,
    /// Whether it is nothing but a name.
    is_shell: bool,
}

/// The template before.
const OLD: &str = "";
/// What the new template has more.
const MORE: &str = "  More: { Type: AWS::SNS::Topic }\n";
/// What somebody wanted to have more, in vain.
const THEIRS: &str = "  Theirs: { Type: AWS::SNS::Topic, DependsOn: Noted }\n";
/// What it has more where that takes its time: something is changed before, and something comes after.
const SLOW: &str = "  More: { Type: AWS::SNS::Topic, DependsOn: Noted }\n  Last: { Type: AWS::SNS::Topic, DependsOn: More }\n";
/// How long that takes: time enough to be stopped.
const PAUSE: Duration = Duration::from_secs(3);

fn note(value: &str) -> Parameter {
    let note = Parameter::builder().parameter_key("Note");
    note.parameter_value(value).build()
}

fn template(name: &str, more: &str) -> String {
    format!(
        "Parameters:\n  Note: {{ Type: String }}\n\
         Resources:\n{more}  \
         Noted:\n    Type: AWS::SSM::Parameter\n    Properties: {{ Name: /{name}/note, Type: String, Value: !Ref Note }}\n\
         Outputs:\n  Note: {{ Value: !Ref Note }}\n"
    )
}

impl<'w> Stacked<'w> {
    /// A service that runs, a stack that somebody made before (or none), and the manifest that asks for a new
    /// template and a new parameter.
    pub async fn prepare(world: &'w World, name: &str, exists: bool) -> Self {
        let stacked = Self::new(world, name, MORE).await;
        if exists {
            stacked.create().await;
        }
        stacked.apply().await;
        stacked
    }

    async fn new(world: &'w World, name: &str, more: &'static str) -> Self {
        Self {
            application: world.application(name).await,
            world,
            more,
        }
    }

    /// The same with a stack whose last update failed, and the rollback of that as well. The update that the manifest
    /// asks for takes its time, and its rollback fails once, too.
    pub async fn stuck(world: &'w World, name: &str) -> Self {
        let stacked = Self::new(world, name, SLOW).await;
        stacked.create().await;
        let stack = stacked.stack();
        let fault = |resource, action| ResourceFault::on(&stack, resource, action).times(1);
        let noted = || fault("Noted", ResourceAction::Update).fails("Too many writes");
        let theirs = fault("Theirs", ResourceAction::Create).fails("No such topic");
        let gateway = world.engine().gateway();
        gateway
            .hit_resources(&[noted().after(1), theirs])
            .await
            .unwrap();
        let update = world.clients().cloudformation.update_stack();
        let update = update.stack_name(&stack);
        let update = update.template_body(template(name, THEIRS));
        update.parameters(note("theirs")).send().await.unwrap();
        stacked.becomes("UPDATE_ROLLBACK_FAILED").await;
        let slow = fault("More", ResourceAction::Create).takes(PAUSE);
        // Put back as it is healed, updated, put back in vain, put back.
        gateway
            .hit_resources(&[noted().after(2), slow])
            .await
            .unwrap();
        stacked.apply().await;
        stacked
    }

    /// Stops a deployment as soon as it changes the stack, unless it ends without.
    pub async fn stop_amid_change(&self, execution: &Execution<'_>) {
        eventually("the stack is changed, or never", async || {
            if execution.status().await.is_some() {
                return Some(());
            }
            if self.status().await? != "UPDATE_IN_PROGRESS" {
                return None;
            }
            execution.stop().await;
            Some(())
        })
        .await;
    }

    async fn status(&self) -> Option<String> {
        let stacks = self.world.clients().cloudformation.describe_stacks();
        let stacks = stacks.stack_name(self.stack()).send().await.ok()?;
        let status = stacks.stacks().first()?.stack_status()?;
        Some(status.as_str().to_owned())
    }

    async fn becomes(&self, wanted: &str) {
        eventually(wanted, async || {
            (self.status().await? == wanted).then_some(())
        })
        .await;
    }

    fn stack(&self) -> String {
        format!("{}-{ENVIRONMENT}-data", self.application.name)
    }

    async fn create(&self) {
        let cloudformation = &self.world.clients().cloudformation;
        let create = cloudformation.create_stack().stack_name(self.stack());
        let create = create.template_body(template(&self.application.name, OLD));
        create.parameters(note("first")).send().await.unwrap();
        self.becomes("CREATE_COMPLETE").await;
    }

    /// Stores manifest and template as `lockstep apply` does.
    async fn apply(&self) {
        let Application { name, .. } = &self.application;
        let manifest = self.application.manifest(&self.world.health_url(name));
        let stacks = format!(
            "stacks:\n  data:\n    template: data.yaml\n    role: arn:aws:iam::{ACCOUNT}:role/stacks\n    \
             parameters: {{ Note: second }}\nservices:\n"
        );
        let manifest = manifest.replace("services:\n", &stacks);
        let load = |_: &str| Ok(template(name, self.more));
        let embedded = Manifest::parse("lockstep.yaml", &manifest);
        let embedded = embedded.unwrap().embed_all(load).unwrap();
        let port = self.world.engine().state().emulator_port;
        let direct = sdk::config(&format!("http://127.0.0.1:{port}"));
        let controller = Controller::over(&direct, sam::STACK);
        let stored = templates::store(&controller, embedded).await.unwrap();
        let ledger = &self.world.clients().ledger;
        let version = ledger.manifest_version(name).await.unwrap();
        let version = version.expect("a manifest without the stack was stored");
        let old = ledger.manifest(name, version).await.unwrap().unwrap();
        let (index, old) = (trigger_index(&stored), trigger_index(&old));
        let replaced = Some((version, old.as_slice()));
        let applied = ledger.apply_manifest(&stored, &index, replaced, "a test", Timestamp::now());
        applied.await.unwrap();
    }

    /// What there is now, once CloudFormation is done.
    pub async fn look(&self) -> SeenStacked {
        eventually("nothing is changed any more", async || {
            let status = self.status().await.unwrap_or_default();
            let works = status.ends_with("_IN_PROGRESS") && status != "REVIEW_IN_PROGRESS";
            (!works).then_some(())
        })
        .await;
        SeenStacked {
            service: self.application.snapshot().await,
            stack: self.look_at_stack().await,
            change_sets: self.change_sets().await,
        }
    }

    async fn look_at_stack(&self) -> Option<SeenStack> {
        let cloudformation = &self.world.clients().cloudformation;
        let name = self.stack();
        let described = cloudformation.describe_stacks().stack_name(&name);
        let described = described.send().await.ok()?;
        let stack = described.stacks().first()?;
        let status = stack.stack_status()?.as_str();
        let is_shell = status == "REVIEW_IN_PROGRESS";
        let text = cloudformation.get_template().stack_name(&name);
        let text = text.send().await.ok();
        let own = |text: Option<&str>| text.unwrap_or_default().to_owned();
        let parameters = stack.parameters().iter();
        let outputs = stack.outputs().iter();
        let tags = stack.tags().iter();
        Some(SeenStack {
            id: own(stack.stack_id()),
            template: own(text.as_ref().and_then(|text| text.template_body())),
            parameters: parameters
                .map(|it| (own(it.parameter_key()), own(it.parameter_value())))
                .collect(),
            outputs: outputs
                .map(|it| (own(it.output_key()), own(it.output_value())))
                .collect(),
            tags: tags.map(|it| (own(it.key()), own(it.value()))).collect(),
            is_protected: stack.enable_termination_protection() == Some(true),
            is_shell,
        })
    }

    async fn change_sets(&self) -> Vec<String> {
        let cloudformation = &self.world.clients().cloudformation;
        let list = cloudformation.list_change_sets().stack_name(self.stack());
        let Ok(list) = list.send().await else {
            return Vec::new();
        };
        let names = list
            .summaries()
            .iter()
            .filter(|it| {
                // What was executed, in vain or not, is history.
                let status = it.execution_status().map(|it| it.as_str().to_owned());
                !status.unwrap_or_default().starts_with("EXECUTE_")
            })
            .filter_map(|it| it.change_set_name());
        let names = names.filter(|name| name.starts_with("lockstep-"));
        names.map(str::to_owned).collect()
    }

    /// Whether the stack is what the manifest asks for.
    pub fn is_wanted(&self, after: &SeenStacked) -> bool {
        let note = BTreeMap::from([("Note".to_owned(), "second".to_owned())]);
        after.stack.as_ref().is_some_and(|stack| {
            stack.template == template(&self.application.name, self.more)
                && stack.parameters == note
                && stack.outputs == note
                && !stack.is_shell
        })
    }

    /// Takes it away.
    pub async fn delete(self) {
        let delete = self.world.clients().cloudformation.delete_stack();
        delete.stack_name(self.stack()).send().await.unwrap();
        self.application.delete().await;
    }
}

impl SeenStacked {
    /// Whether service and stack are as in the other.
    pub fn runs_the_same_as(&self, other: &Self) -> bool {
        self.service.runs_the_same_as(&other.service) && self.stack == other.stack
    }

    /// Whether the stack is nothing but a name.
    pub fn is_shell(&self) -> bool {
        self.stack.as_ref().is_some_and(|stack| stack.is_shell)
    }
}
