//! What each role may do. The table is reviewed as a whole: a change of it is a change of what
//! Lockstep may do in somebody's account.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

use crate::functions::package;
use crate::template::{Template, root, texts};

const ROLE: &str = "AWS::IAM::Role";

/// AWS has no resource to name in these calls.
const WITHOUT_RESOURCE: [&str; 18] = [
    "cloudformation:GetTemplateSummary",
    "cloudwatch:DescribeAlarms",
    "cloudwatch:GetMetricData",
    "ecs:DescribeTaskDefinition",
    "ecs:ListTasks",
    "ecs:RegisterTaskDefinition",
    "lambda:ListFunctions",
    "logs:CreateLogDelivery",
    "logs:DeleteLogDelivery",
    "logs:DescribeLogGroups",
    "logs:DescribeResourcePolicies",
    "logs:GetLogDelivery",
    "logs:ListLogDeliveries",
    "logs:PutResourcePolicy",
    "logs:UpdateLogDelivery",
    "states:SendTaskFailure",
    "states:SendTaskHeartbeat",
    "states:SendTaskSuccess",
];

/// Nobody calls these by name: AWS asks for them when something else is called, or uses them for us.
/// Those on items are what a transaction is made of; those on objects and images are what Lambda
/// asks for when it is given new code, and those on tags what SSM asks for when a parameter is made with some.
const USED_BY_AWS: [&str; 18] = [
    "cloudformation:TagResource",
    "cloudformation:UntagResource",
    "dynamodb:ConditionCheckItem",
    "dynamodb:DeleteItem",
    "dynamodb:UpdateItem",
    "ecr:BatchGetImage",
    "ecr:GetDownloadUrlForLayer",
    "ecs:TagResource",
    "iam:PassRole",
    "logs:CreateLogStream",
    "logs:PutLogEvents",
    "s3:GetObject",
    "s3:GetObjectTagging",
    "s3:GetObjectVersion",
    "s3:ListBucket",
    "s3:PutObjectTagging",
    "sqs:SendMessage",
    "ssm:AddTagsToResource",
];

#[test]
fn the_reviewed_table_of_permissions() {
    let template = Template::load();
    let mut table = String::new();
    for (role, properties) in template.all(ROLE) {
        writeln!(table, "{role}").unwrap();
        for statement in statements(properties) {
            writeln!(table, "  {}", line(statement)).unwrap();
        }
        table.push('\n');
    }
    insta::with_settings!({ prepend_module_to_snapshot => false, snapshot_path => "." }, {
        insta::assert_snapshot!("permissions", table);
    });
}

#[test]
fn no_action_is_a_pattern_and_no_resource_is_everything_without_need() {
    for (role, properties) in Template::load().all(ROLE) {
        for statement in statements(properties) {
            let itself = statement["Sid"] == "NeverItself";
            let effect = if itself { "Deny" } else { "Allow" };
            assert_eq!(statement["Effect"], effect, "{role}");
            let everything = texts(&statement["Resource"]).contains(&"*");
            for action in texts(&statement["Action"]) {
                assert!(!action.contains('*'), "{role}: {action}");
                assert!(
                    !everything || WITHOUT_RESOURCE.contains(&action),
                    "{role}: {action} on everything"
                );
            }
        }
    }
}

#[test]
fn each_function_has_a_role_of_its_own() {
    let template = Template::load();
    for (function, properties) in template.all("AWS::Serverless::Function") {
        let name = function.strip_suffix("Function").unwrap();
        assert_eq!(properties["Role"], format!("{name}Role.Arn"), "{function}");
        assert!(
            properties.get("Policies").is_none(),
            "{function} has policies beside its role"
        );
        let role = template.properties(&format!("{name}Role"), ROLE);
        let logs: Vec<_> = statements(role)
            .filter(|statement| statement["Sid"] == "WriteLogs")
            .collect();
        assert_eq!(logs.len(), 1, "{function}");
        assert_eq!(logs[0]["Resource"], format!("{name}Logs.Arn"), "{function}");
        assert_eq!(
            properties["LoggingConfig"]["LogGroup"],
            format!("{name}Logs"),
            "{function}"
        );
    }
}

#[test]
fn roles_are_only_passed_to_tasks_and_to_stacks() {
    for (role, properties) in Template::load().all(ROLE) {
        let service = match role {
            "InfrastructureRole" | "PlanStacksRole" => "cloudformation.amazonaws.com",
            _ => "ecs-tasks.amazonaws.com",
        };
        for statement in statements(properties) {
            if texts(&statement["Action"]).contains(&"iam:PassRole") {
                let to = &statement["Condition"]["StringEquals"]["iam:PassedToService"];
                assert_eq!(to, service, "{role}");
            }
        }
    }
}

/// Planning is looking: whoever plans stacks can change none.
#[test]
fn only_one_role_changes_stacks() {
    let changing = [
        "cloudformation:CancelUpdateStack",
        "cloudformation:ContinueUpdateRollback",
        "cloudformation:DeleteStack",
        "cloudformation:ExecuteChangeSet",
        "cloudformation:RollbackStack",
        "cloudformation:UpdateTerminationProtection",
    ];
    for (role, properties) in Template::load().all(ROLE) {
        for statement in statements(properties).filter(|it| it["Effect"] == "Allow") {
            let actions = texts(&statement["Action"]);
            let changes = actions.iter().any(|action| changing.contains(action));
            assert!(!changes || role == "InfrastructureRole", "{role}");
        }
    }
}

#[test]
fn ledger_keys_in_conditions_are_keys_of_the_ledger() {
    let keys = fs::read_to_string(root().join("crates/ledger/src/keys.rs")).unwrap();
    let mut patterns = BTreeSet::new();
    for (role, properties) in Template::load().all(ROLE) {
        for statement in statements(properties).filter(|statement| statement["Sid"] == "Ledger") {
            assert_eq!(statement["Resource"], "LedgerTable.Arn", "{role}");
            let of_role =
                &statement["Condition"]["ForAllValues:StringLike"]["dynamodb:LeadingKeys"];
            patterns.extend(texts(of_role).into_iter().map(str::to_owned));
        }
    }
    for pattern in patterns {
        let prefix = pattern.strip_suffix('*').unwrap();
        assert!(
            keys.contains(&format!("\"{prefix}")),
            "the ledger has no keys like {pattern}"
        );
    }
}

/// A permission that no code uses is taken away again.
#[test]
fn no_role_may_do_what_its_code_never_does() {
    let template = Template::load();
    for (function, _) in template.all("AWS::Serverless::Function") {
        let name = function.strip_suffix("Function").unwrap();
        let code = code_of(&package(name));
        let role = template.properties(&format!("{name}Role"), ROLE);
        let actions = statements(role).flat_map(|statement| texts(&statement["Action"]));
        for action in actions.filter(|action| !USED_BY_AWS.contains(action)) {
            let (_, operation) = action.split_once(':').unwrap();
            let used = code.contains(operation) || code.contains(&snake_case(operation));
            assert!(used, "{function} never calls {action}");
        }
    }
}

/// The sources of a function and of our own crates that it is linked with.
fn code_of(function: &str) -> String {
    let mut folders = vec![
        format!("functions/{function}"),
        "crates/aws".to_owned(),
        "crates/handler".to_owned(),
        "crates/ledger".to_owned(),
    ];
    let package = fs::read_to_string(root().join(&folders[0]).join("Cargo.toml")).unwrap();
    for adapter in [
        "cloudformation",
        "codebuild",
        "ecs",
        "lambda",
        "parameters",
        "s3",
        "site",
        "sources",
    ] {
        if package.contains(&format!("lockstep-{adapter}.workspace")) {
            folders.push(format!("crates/{adapter}"));
        }
    }
    // Values are looked up in services, too.
    if folders.contains(&"crates/sources".to_owned()) {
        folders.push("crates/ecs".to_owned());
    }
    let files = |folder: &String| fs::read_dir(root().join(folder).join("src")).unwrap();
    let files = folders
        .iter()
        .flat_map(files)
        .map(|file| file.unwrap().path());
    let sources = files.filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    sources
        .map(|file| fs::read_to_string(file).unwrap())
        .collect()
}

fn snake_case(operation: &str) -> String {
    let mut snake = String::new();
    for letter in operation.chars() {
        if letter.is_ascii_uppercase() && !snake.is_empty() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

fn statements(role: &Value) -> impl Iterator<Item = &Value> {
    let policies = role["Policies"].as_array().unwrap().iter();
    policies.flat_map(|policy| policy["PolicyDocument"]["Statement"].as_array().unwrap())
}

/// One statement in one line, without what is the same in all of them.
fn line(statement: &Value) -> String {
    let list = |value: &Value| texts(value).join(" ");
    let conditions = statement["Condition"].as_object().into_iter().flatten();
    let conditions = conditions.flat_map(|(_, tests)| tests.as_object().unwrap());
    let conditions = conditions.map(|(key, values)| format!("\n    if {key} in {}", list(values)));
    let never = if statement["Effect"] == "Deny" {
        "never "
    } else {
        ""
    };
    let line = format!(
        "{never}{}\n    on {}{}",
        list(&statement["Action"]),
        list(&statement["Resource"]),
        conditions.collect::<String>()
    );
    line.replace("arn:${AWS::Partition}:", "")
        .replace("${AWS::Region}:${AWS::AccountId}:", "")
}
