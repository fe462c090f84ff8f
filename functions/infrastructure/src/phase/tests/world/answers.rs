//! What the small CloudFormation answers.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use super::{
    Behaviour, ChangeSet, Changes, Fault, Moment, NAME, NETWORK, Shape, Stack, State, arn,
};

type Fields = BTreeMap<String, String>;
type Answer = (u16, String);

/// The fields of a form.
pub(super) fn form(body: &str) -> Fields {
    let pairs = body.split('&').filter_map(|pair| pair.split_once('='));
    pairs
        .map(|(key, value)| (key.to_owned(), decoded(value)))
        .collect()
}

fn decoded(text: &str) -> String {
    let mut parts = text.split('%');
    let mut decoded = parts.next().unwrap().to_owned();
    for part in parts {
        decoded.push(char::from(u8::from_str_radix(&part[..2], 16).unwrap()));
        decoded.push_str(&part[2..]);
    }
    decoded
}

fn ok(operation: &str, result: &str) -> Answer {
    let body = format!(
        "<{operation}Response><{operation}Result>{result}</{operation}Result></{operation}Response>"
    );
    (200, body)
}

fn error(code: &str, message: &str) -> Answer {
    let status = if code == "InternalFailure" { 500 } else { 400 };
    let body = format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>{message}</Message></Error></ErrorResponse>"
    );
    (status, body)
}

fn invalid(message: &str) -> Answer {
    error("ValidationError", message)
}

fn absent() -> Answer {
    invalid(&format!("Stack [{NAME}] does not exist"))
}

fn members(fields: &Fields, list: &str, key: &str, value: &str) -> BTreeMap<String, String> {
    let get = |number: usize, name: &str| fields.get(&format!("{list}.member.{number}.{name}"));
    let pairs = (1..).map_while(|number| {
        let value = get(number, value).cloned();
        Some((get(number, key)?.clone(), value))
    });
    pairs
        .map(|(key, value)| (key, value.unwrap_or_else(|| "previous".into())))
        .collect()
}

impl State {
    pub(super) fn answer(&mut self, fields: &Fields) -> Answer {
        let call = self.calls;
        self.calls += 1;
        let fault = self
            .fault
            .filter(|(at, times, _)| (*at..at.saturating_add(*times)).contains(&call));
        match fault {
            Some((_, _, Fault::FailsBeforeActing)) => error("InternalFailure", "no"),
            Some((_, _, Fault::Throttled)) => error("Throttling", "Rate exceeded"),
            Some((_, _, Fault::LosesTheAnswer)) => {
                self.act(fields);
                error("InternalFailure", "no")
            }
            None => self.act(fields),
        }
    }

    fn act(&mut self, fields: &Fields) -> Answer {
        let operation = fields["Action"].as_str();
        self.asked.push((operation.to_owned(), fields.clone()));
        let token = fields.get("ClientRequestToken").map_or("", String::as_str);
        let named = fields.get("StackName").map_or("", String::as_str);
        // A stack that was deleted, and one that came after it, have other ARNs.
        let is_meant = |stack: &Stack| named == NAME || named == stack.id;
        if operation == "DescribeStacks" {
            self.tick();
        }
        let is_there = self.stack.as_ref().is_some_and(is_meant);
        match operation {
            "DescribeStacks" if is_there => self.described(),
            "DescribeStacks" if named == NETWORK => ok(
                operation,
                "<Stacks><member><StackId>network</StackId><StackStatus>UPDATE_COMPLETE</StackStatus><Outputs><member>\
                 <OutputKey>VpcId</OutputKey><OutputValue>vpc-1</OutputValue></member></Outputs></member></Stacks>",
            ),
            "DescribeStacks" => invalid(&format!("Stack with id {named} does not exist")),
            "DescribeStackEvents" => self.events_of(named),
            "CreateChangeSet" => self.create(fields),
            "DeleteStack" if !is_there => ok(operation, ""),
            _ if !is_there => absent(),
            "DescribeStackResources" => self.resources(),
            "GetTemplate" => self.template(),
            "DescribeChangeSet" => self.change_set(&fields["ChangeSetName"]),
            "DeleteChangeSet" => {
                let name = &fields["ChangeSetName"];
                self.change_sets.retain(|it| it.name != *name);
                ok(operation, "")
            }
            "ExecuteChangeSet" => self.execute(&fields["ChangeSetName"], token),
            "DeleteStack" => self.delete(token),
            "CancelUpdateStack" => self.cancel(token),
            "ContinueUpdateRollback" => self.go_on(token),
            "RollbackStack" => self.roll_back(token),
            "UpdateTerminationProtection" => {
                self.stack.as_mut().unwrap().is_protected =
                    fields["EnableTerminationProtection"] == "true";
                ok(operation, "")
            }
            other => panic!("unexpected {other}"),
        }
    }

    fn described(&self) -> Answer {
        let told = self.stack.iter().map(told).collect::<String>();
        ok(
            "DescribeStacks",
            &format!("<Stacks><member>{told}</member></Stacks>"),
        )
    }

    fn template(&self) -> Answer {
        let template = &self.stack.as_ref().unwrap().shape.template;
        let body = template.strip_prefix(super::RELEASES).unwrap_or(template);
        ok(
            "GetTemplate",
            &format!("<TemplateBody>{body}</TemplateBody>"),
        )
    }

    fn events_of(&self, asked: &str) -> Answer {
        let id = match &self.stack {
            Some(stack) if asked == NAME => stack.id.clone(),
            _ => asked.to_owned(),
        };
        let mut told = String::new();
        for (number, event) in self.events.iter().enumerate().rev() {
            if event.stack != id {
                continue;
            }
            let own = event.logical == NAME;
            let physical = if own { event.stack.as_str() } else { "orders" };
            let kind = if own {
                "AWS::CloudFormation::Stack"
            } else {
                "AWS::DynamoDB::Table"
            };
            let token = match event.token.as_str() {
                "" => String::new(),
                token => format!("<ClientRequestToken>{token}</ClientRequestToken>"),
            };
            write!(
                told,
                "<member><StackId>{}</StackId><EventId>event-{number}</EventId><LogicalResourceId>{}</LogicalResourceId>\
                 <PhysicalResourceId>{physical}</PhysicalResourceId><ResourceType>{kind}</ResourceType>\
                 <ResourceStatus>{}</ResourceStatus><ResourceStatusReason>{}</ResourceStatusReason>\
                 <Timestamp>2026-11-21T08:{:02}:{:02}Z</Timestamp>{token}</member>",
                event.stack, event.logical, event.status, event.reason, number / 60, number % 60
            )
            .unwrap();
        }
        ok(
            "DescribeStackEvents",
            &format!("<StackEvents>{told}</StackEvents>"),
        )
    }

    fn resources(&self) -> Answer {
        let mut told = String::new();
        for (logical, kind) in self.stack.iter().flat_map(|stack| &stack.resources) {
            write!(
                told,
                "<member><LogicalResourceId>{logical}</LogicalResourceId><PhysicalResourceId>{logical}-1</PhysicalResourceId>\
                 <ResourceType>{kind}</ResourceType><ResourceStatus>CREATE_COMPLETE</ResourceStatus></member>"
            )
            .unwrap();
        }
        ok(
            "DescribeStackResources",
            &format!("<StackResources>{told}</StackResources>"),
        )
    }

    fn create(&mut self, fields: &Fields) -> Answer {
        let name = fields["ChangeSetName"].clone();
        let is_new = fields["ChangeSetType"] == "CREATE";
        if self.change_sets.iter().any(|it| it.name == name) {
            return error(
                "AlreadyExistsException",
                &format!("ChangeSet {name} already exists"),
            );
        }
        match self.stack.as_ref().map(|stack| stack.status.as_str()) {
            None if !is_new => return absent(),
            None => self.create_shell(),
            Some("REVIEW_IN_PROGRESS") if is_new => {}
            Some(_) if is_new => {
                return error("AlreadyExistsException", "the stack already exists");
            }
            Some(status) if !status.ends_with("_COMPLETE") || status == "ROLLBACK_COMPLETE" => {
                return invalid(&format!(
                    "Stack:{} is in {status} state and can not be updated.",
                    arn(1)
                ));
            }
            Some(_) => {}
        }
        let live = self.stack.as_ref().unwrap().shape.clone();
        let shape = wanted(fields, &live);
        let is_back = name.ends_with("-undo");
        self.change_sets.push(ChangeSet {
            changes: match self.behaviour {
                _ if shape == live => Changes::Nothing,
                Behaviour::ChangesNothing if !is_back => Changes::Nothing,
                Behaviour::Replaces if !is_back => Changes::Replaced,
                Behaviour::ReplacesOnTheWayBack if is_back => Changes::Replaced,
                _ => Changes::InPlace,
            },
            role: fields.get("RoleARN").cloned().unwrap_or_default(),
            name,
            is_new,
            shape,
            looks: 0,
            is_executed: false,
        });
        ok("CreateChangeSet", "<Id>x</Id>")
    }

    fn create_shell(&mut self) {
        self.created += 1;
        self.stack = Some(Stack {
            id: arn(self.created),
            status: "REVIEW_IN_PROGRESS".into(),
            ..Stack::default()
        });
        self.own_event("REVIEW_IN_PROGRESS", "");
    }

    fn change_set(&mut self, name: &str) -> Answer {
        let Some(found) = self.change_sets.iter_mut().find(|it| it.name == name) else {
            return error(
                "ChangeSetNotFound",
                &format!("ChangeSet [{name}] does not exist"),
            );
        };
        found.looks += 1;
        let (status, execution, reason) = match found {
            ChangeSet {
                is_executed: true, ..
            } => ("CREATE_COMPLETE", "EXECUTE_COMPLETE", ""),
            ChangeSet { looks: 1, .. } => ("CREATE_IN_PROGRESS", "UNAVAILABLE", ""),
            ChangeSet {
                changes: Changes::Nothing,
                ..
            } => ("FAILED", "UNAVAILABLE", "No updates are to be performed."),
            _ => ("CREATE_COMPLETE", "AVAILABLE", ""),
        };
        let replaced = found.changes == Changes::Replaced;
        let change = match (found.is_new, replaced) {
            (true, _) => "<Action>Add</Action>",
            (false, true) => "<Action>Modify</Action><Replacement>True</Replacement>",
            (false, false) => "<Action>Modify</Action><Replacement>False</Replacement>",
        };
        ok(
            "DescribeChangeSet",
            &format!(
                "<Status>{status}</Status><ExecutionStatus>{execution}</ExecutionStatus><StatusReason>{reason}</StatusReason>\
                 <Changes><member><Type>Resource</Type><ResourceChange>{change}<LogicalResourceId>Table</LogicalResourceId>\
                 <ResourceType>AWS::DynamoDB::Table</ResourceType></ResourceChange></member></Changes>"
            ),
        )
    }

    fn execute(&mut self, name: &str, token: &str) -> Answer {
        let stack = self.stack.as_mut().unwrap();
        let Some(found) = self.change_sets.iter_mut().find(|it| it.name == name) else {
            return error(
                "ChangeSetNotFound",
                &format!("ChangeSet [{name}] does not exist"),
            );
        };
        if found.is_executed || found.changes == Changes::Nothing {
            return error("InvalidChangeSetStatus", "it cannot be executed");
        }
        if stack.status.ends_with("_IN_PROGRESS") && stack.status != "REVIEW_IN_PROGRESS" {
            return invalid(&format!(
                "Stack:x is in {} state and can not be updated.",
                stack.status
            ));
        }
        found.is_executed = true;
        let made = found.clone();
        stack.before = (!made.is_new).then(|| stack.shape.clone());
        stack.shape = made.shape;
        if !made.role.is_empty() {
            stack.role = made.role;
        }
        if made.is_new {
            stack.resources.clone_from(&self.makes);
        }
        self.change_sets.retain(|it| it.name == name);
        let fate = self.fate(made.is_new, token);
        let status = if made.is_new {
            "CREATE_IN_PROGRESS"
        } else {
            "UPDATE_IN_PROGRESS"
        };
        self.begin(status, token, &fate);
        ok("ExecuteChangeSet", "")
    }

    fn delete(&mut self, token: &str) -> Answer {
        let stack = self.stack.as_ref().unwrap();
        if stack.is_protected {
            return invalid("Stack cannot be deleted while TerminationProtection is enabled");
        }
        if stack.status.starts_with("UPDATE") && stack.status.ends_with("IN_PROGRESS") {
            return invalid(&format!(
                "Stack [{NAME}] cannot be deleted while in status {}",
                stack.status
            ));
        }
        if stack.status != "DELETE_IN_PROGRESS" {
            self.begin("DELETE_IN_PROGRESS", token, &[Moment::Gone]);
        }
        ok("DeleteStack", "")
    }

    fn cancel(&mut self, token: &str) -> Answer {
        let late = self.behaviour == Behaviour::CancelsLate;
        let stack = self.stack.as_mut().unwrap();
        if stack.status != "UPDATE_IN_PROGRESS" {
            return invalid("CancelUpdateStack cannot be called from current stack status");
        }
        if late && stack.next.is_empty() {
            stack.token = token.into();
            let begun = Moment::Status("UPDATE_ROLLBACK_IN_PROGRESS");
            stack.next = [Moment::Later, Moment::Later, begun].into();
            stack.next.extend(BACK);
        } else if !late {
            self.begin("UPDATE_ROLLBACK_IN_PROGRESS", token, &BACK);
        }
        ok("CancelUpdateStack", "")
    }

    fn go_on(&mut self, token: &str) -> Answer {
        if self.stack.as_ref().unwrap().status != "UPDATE_ROLLBACK_FAILED" {
            return invalid("ContinueUpdateRollback cannot be called from current stack status");
        }
        let again = [
            Moment::Failed("UPDATE_FAILED"),
            Moment::Status("UPDATE_ROLLBACK_FAILED"),
        ];
        let in_vain = self.behaviour == Behaviour::RollbackFailsAlways;
        self.begin(
            "UPDATE_ROLLBACK_IN_PROGRESS",
            token,
            if in_vain { &again } else { &BACK },
        );
        ok("ContinueUpdateRollback", "")
    }

    fn roll_back(&mut self, token: &str) -> Answer {
        if self.stack.as_ref().unwrap().status != "UPDATE_FAILED" {
            return invalid("RollbackStack cannot be called from current stack status");
        }
        self.begin("UPDATE_ROLLBACK_IN_PROGRESS", token, &BACK);
        ok("RollbackStack", "")
    }
}

const BACK: [Moment; 2] = [Moment::Back, Moment::Status("UPDATE_ROLLBACK_COMPLETE")];

/// What a change set makes of the stack.
fn wanted(fields: &Fields, live: &Shape) -> Shape {
    let triggers = "RollbackConfiguration.RollbackTriggers";
    let mut shape = Shape {
        template: fields["TemplateURL"].clone(),
        parameters: members(fields, "Parameters", "ParameterKey", "ParameterValue"),
        tags: members(fields, "Tags", "Key", "Value"),
        alarms: members(fields, triggers, "Arn", "Type")
            .into_keys()
            .collect(),
        minutes: fields["RollbackConfiguration.MonitoringTimeInMinutes"].clone(),
    };
    for (key, value) in &mut shape.parameters {
        if value == "previous" {
            *value = live.parameters.get(key).cloned().unwrap_or_default();
        }
    }
    shape
}

fn told(stack: &Stack) -> String {
    let Shape {
        parameters,
        tags,
        alarms,
        minutes,
        ..
    } = &stack.shape;
    let list = |pairs: &BTreeMap<String, String>, key: &str, value: &str| {
        let told = pairs.iter().map(|(name, text)| {
            format!("<member><{key}>{name}</{key}><{value}>{text}</{value}></member>")
        });
        told.collect::<String>()
    };
    let shown = |key: &str, value: &str| {
        let hidden = key == "Password";
        (
            key.to_owned(),
            if hidden {
                "****".to_owned()
            } else {
                value.to_owned()
            },
        )
    };
    let parameters = parameters
        .iter()
        .map(|(key, value)| shown(key, value))
        .collect();
    let mut triggers = String::new();
    for arn in alarms {
        write!(
            triggers,
            "<member><Arn>{arn}</Arn><Type>AWS::CloudWatch::Alarm</Type></member>"
        )
        .unwrap();
    }
    let role = match stack.role.as_str() {
        "" => String::new(),
        role => format!("<RoleARN>{role}</RoleARN>"),
    };
    format!(
        "<StackId>{}</StackId><StackName>{NAME}</StackName><StackStatus>{}</StackStatus>{role}\
         <CreationTime>2026-11-21T08:00:00Z</CreationTime><Parameters>{}</Parameters><Tags>{}</Tags>\
         <Outputs><member><OutputKey>TableName</OutputKey><OutputValue>orders</OutputValue></member></Outputs>\
         <RollbackConfiguration><RollbackTriggers>{triggers}</RollbackTriggers>\
         <MonitoringTimeInMinutes>{}</MonitoringTimeInMinutes></RollbackConfiguration>\
         <EnableTerminationProtection>{}</EnableTerminationProtection>",
        stack.id,
        stack.status,
        list(&parameters, "ParameterKey", "ParameterValue"),
        list(tags, "Key", "Value"),
        if minutes.is_empty() { "0" } else { minutes },
        stack.is_protected
    )
}
