//! The stack's template, as its team changes it.

use std::fmt::Write as _;

use lockstep_tests::{Fleet, World, releases_bucket};

/// What the template says.
pub struct Stack {
    keys: Vec<(String, String)>,
    /// How many of the functions it has.
    pub functions: usize,
    /// Their memory.
    pub memory: u32,
    /// Whether there is a queue, too.
    pub queue: bool,
}

impl Stack {
    pub fn of(fleet: &Fleet<'_>) -> Self {
        let keys = fleet.functions.iter();
        Self {
            keys: keys
                .map(|name| (name.clone(), fleet.live_key(name)))
                .collect(),
            functions: fleet.functions.len(),
            memory: 128,
            queue: false,
        }
    }

    /// One function in CloudFormation's own words, the others in SAM's.
    pub fn template(&self) -> String {
        let (bucket, role, memory) = (releases_bucket(), World::task_role(), self.memory);
        let mut text = String::from("Transform: AWS::Serverless-2016-10-31\nResources:\n");
        for (number, (name, key)) in self.keys.iter().take(self.functions).enumerate() {
            let (kind, code) = match number {
                0 => (
                    "Lambda",
                    format!("Code: {{ S3Bucket: {bucket}, S3Key: {key} }}"),
                ),
                _ => (
                    "Serverless",
                    format!("CodeUri: {{ Bucket: {bucket}, Key: {key} }}"),
                ),
            };
            write!(
                text,
                "  Function{number}:\n    Type: AWS::{kind}::Function\n    Properties:\n      FunctionName: {name}\n      \
                 Runtime: python3.12\n      Handler: index.handler\n      Role: {role}\n      MemorySize: {memory}\n      {code}\n"
            )
            .unwrap();
        }
        if self.queue {
            text.push_str("  Queue: { Type: AWS::SQS::Queue }\n");
        }
        text
    }
}
