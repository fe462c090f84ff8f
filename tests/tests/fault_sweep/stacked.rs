//! A service whose application has one CloudFormation stack.

use std::collections::BTreeMap;

use aws_sdk_cloudformation::types::Parameter;
use jiff::Timestamp;
use lockstep::manifest::{Manifest, trigger_index};
use lockstep_cli::aws::Controller;
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::{sam, sdk};
use lockstep_cli::templates;
use lockstep_tests::{Application, ENVIRONMENT, Snapshot, World, eventually};

/// A service, and a stack beside it.
pub struct Stacked<'w> {
    /// The service.
    pub application: Application<'w>,
    world: &'w World,
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
        let application = world.application(name).await;
        let stacked = Self { application, world };
        if exists {
            stacked.create().await;
        }
        stacked.apply().await;
        stacked
    }

    fn stack(&self) -> String {
        format!("{}-{ENVIRONMENT}-data", self.application.name)
    }

    async fn create(&self) {
        let note = Parameter::builder().parameter_key("Note");
        let cloudformation = &self.world.clients().cloudformation;
        let create = cloudformation.create_stack().stack_name(self.stack());
        let create = create.template_body(template(&self.application.name, OLD));
        let create = create.parameters(note.parameter_value("first").build());
        create.send().await.unwrap();
        let name = self.stack();
        eventually("the first stack is created", async || {
            let stacks = cloudformation.describe_stacks().stack_name(&name);
            let stacks = stacks.send().await.ok()?;
            let status = stacks.stacks().first()?.stack_status()?;
            (status.as_str() == "CREATE_COMPLETE").then_some(())
        })
        .await;
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
        let load = |_: &str| Ok(template(name, MORE));
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

    /// What there is now.
    pub async fn look(&self) -> SeenStacked {
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
                it.execution_status()
                    .is_some_and(|it| it.as_str() != "EXECUTE_COMPLETE")
            })
            .filter_map(|it| it.change_set_name());
        let names = names.filter(|name| name.starts_with("lockstep-"));
        names.map(str::to_owned).collect()
    }

    /// Whether the stack is what the manifest asks for.
    pub fn is_wanted(&self, after: &SeenStacked) -> bool {
        let note = BTreeMap::from([("Note".to_owned(), "second".to_owned())]);
        after.stack.as_ref().is_some_and(|stack| {
            stack.template == template(&self.application.name, MORE)
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
