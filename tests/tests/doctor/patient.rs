//! An application with one stack, and what somebody did to that.

use std::fs;

use aws_sdk_cloudformation::types::Parameter;
use lockstep_cli::local::emulator::ACCOUNT;
use lockstep_cli::local::gateway::{ResourceAction, ResourceFault};
use lockstep_tests::{ENVIRONMENT, World, eventually};
use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, MutexGuard};

use crate::command::{Ended, lockstep};

/// One set of faults is in force at a time, and so one test.
static TURN: Mutex<()> = Mutex::const_new(());

/// An application with one stack of two parameters of SSM, one after the other, which both have the value of the
/// stack's own parameter.
pub struct Patient<'w> {
    world: &'w World,
    folder: TempDir,
    name: String,
    _turn: MutexGuard<'static, ()>,
}

/// The reason for which resources fail.
pub const WHY: &str = "Too many writes";

impl<'w> Patient<'w> {
    /// An application whose manifest asks for the value `wanted`; there is no stack yet.
    pub async fn new(world: &'w World, name: &str) -> Self {
        let turn = TURN.lock().await;
        let folder = tempfile::tempdir().unwrap();
        let patient = Self {
            world,
            folder,
            name: name.to_owned(),
            _turn: turn,
        };
        fs::write(patient.folder.path().join("data.yaml"), patient.template()).unwrap();
        patient.ask_for("wanted", "");
        patient.hit(&[]).await;
        patient
    }

    /// Writes a manifest that asks for this value, with more settings for the stack.
    pub fn ask_for(&self, value: &str, settings: &str) {
        let manifest = format!(
            "application: {}\nstacks:\n  data:\n    template: data.yaml\n    role: arn:aws:iam::{ACCOUNT}:role/stacks\n    \
             parameters: {{ Note: {value} }}\n{settings}environments:\n  {ENVIRONMENT}: {{ verify: {{ settle_seconds: 0 }} }}\n",
            self.name
        );
        fs::write(self.folder.path().join("lockstep.yaml"), manifest).unwrap();
    }

    /// Writes the manifest with a service that there is not, so that the deployment fails after the stack was changed.
    pub fn ask_for_too_much(&self, value: &str) {
        self.ask_for(
            value,
            "services:\n  web: { cluster: nowhere, containers: { web: nowhere/web } }\n",
        );
    }

    /// The stack's template.
    pub fn template(&self) -> String {
        let name = &self.name;
        format!(
            "Parameters:\n  Note: {{ Type: String }}\nResources:\n  \
             First:\n    Type: AWS::SSM::Parameter\n    \
             Properties: {{ Name: /{name}/first, Type: String, Value: !Ref Note }}\n  \
             Second:\n    Type: AWS::SSM::Parameter\n    DependsOn: First\n    \
             Properties: {{ Name: /{name}/second, Type: String, Value: !Ref Note }}\n"
        )
    }

    /// The name of the stack.
    pub fn stack(&self) -> String {
        format!("{}-{ENVIRONMENT}-data", self.name)
    }

    /// Runs `lockstep` with these words.
    pub async fn lockstep(&self, words: &str) -> Ended {
        let arguments: Vec<_> = words.split(' ').collect();
        lockstep(self.world, &self.folder, &arguments).await
    }

    /// Deploys; the verdict and its message.
    pub async fn deploy(&self, more: &str) -> (String, String) {
        let words = format!("deploy {ENVIRONMENT} --apply {more}");
        let ended = self.lockstep(words.trim_end()).await.last();
        let text = |field: &str| ended[field].as_str().unwrap_or_default().to_owned();
        (text("outcome"), text("message"))
    }

    /// Deploys, and it succeeds; both resources have this value then.
    pub async fn deploys(&self, more: &str, value: &str) {
        let (outcome, message) = self.deploy(more).await;
        assert_eq!(outcome, "SUCCEEDED", "{message}");
        assert_eq!(self.values().await, [value, value]);
        assert!(self.status().await.ends_with("_COMPLETE"));
    }

    /// What `lockstep doctor` says of the stack.
    pub async fn told(&self) -> Value {
        let examined = self.lockstep(&format!("doctor {ENVIRONMENT} data")).await;
        examined.json()["stacks"][0].clone()
    }

    /// Treats the stack by `lockstep doctor`; its status then.
    pub async fn treated(&self, how: &str) -> String {
        let words = format!("doctor {ENVIRONMENT} data {how} --yes");
        let last = self.lockstep(&words).await.last();
        last["status"].as_str().unwrap_or_default().to_owned()
    }

    /// Has resources fail or take their time.
    pub async fn hit(&self, faults: &[ResourceFault]) {
        let gateway = self.world.engine().gateway();
        gateway.hit_resources(faults).await.unwrap();
    }

    /// A fault on one of the stack's resources.
    pub fn fault(&self, resource: &str, action: ResourceAction) -> ResourceFault {
        ResourceFault::on(&self.stack(), resource, action)
    }

    /// Has somebody create the stack with the value `before`.
    pub async fn create(&self) {
        let create = self.clients().create_stack().stack_name(self.stack());
        let create = create.template_body(self.template());
        create.parameters(note("before")).send().await.unwrap();
        self.becomes("CREATE_COMPLETE").await;
    }

    /// Has somebody update it to the value `theirs`.
    pub async fn update(&self, disable_rollback: bool) {
        let update = self.clients().update_stack().stack_name(self.stack());
        let update = update.use_previous_template(true);
        let update = update.disable_rollback(disable_rollback);
        update.parameters(note("theirs")).send().await.unwrap();
    }

    /// CloudFormation, as somebody else calls it.
    pub fn clients(&self) -> &aws_sdk_cloudformation::Client {
        &self.world.clients().cloudformation
    }

    /// Its status; empty when there is none.
    pub async fn status(&self) -> String {
        self.world.stack_now(&self.stack()).await.status
    }

    /// Waits until it is in this status.
    pub async fn becomes(&self, status: &str) {
        eventually(status, async || {
            (self.status().await == status).then_some(())
        })
        .await;
    }

    /// The values that both resources have; empty where there is none.
    pub async fn values(&self) -> [String; 2] {
        let mut values = [String::new(), String::new()];
        for (value, which) in values.iter_mut().zip(["first", "second"]) {
            let get = self.world.clients().ssm.get_parameter();
            let get = get.name(format!("/{}/{which}", self.name)).send().await;
            if let Ok(found) = get {
                let parameter = found.parameter.unwrap();
                *value = parameter.value.unwrap();
            }
        }
        values
    }

    /// Deletes one of the resources itself, without its stack.
    pub async fn lose(&self, which: &str) {
        let delete = self.world.clients().ssm.delete_parameter();
        let delete = delete.name(format!("/{}/{which}", self.name));
        delete.send().await.unwrap();
    }
}

/// The stack's parameter.
pub fn note(value: &str) -> Parameter {
    let note = Parameter::builder().parameter_key("Note");
    note.parameter_value(value).build()
}
