//! States, functions in the template, and packages under `functions/` are the same things.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::machine::{Machine, text};
use crate::template::{Template, root};

const FUNCTION: &str = "AWS::Serverless::Function";

/// `plan-functions` for `PlanFunctions`.
pub fn package(function: &str) -> String {
    let mut name = String::new();
    for letter in function.chars() {
        if letter.is_ascii_uppercase() && !name.is_empty() {
            name.push('-');
        }
        name.push(letter.to_ascii_lowercase());
    }
    name
}

#[test]
fn every_task_calls_a_function_the_template_fills_in() {
    let (machine, template) = (Machine::load(), Template::load());
    for task in machine.tasks() {
        let function = task.function();
        let filled = &template.substitutions()[&format!("{function}FunctionArn")];
        assert_eq!(
            filled,
            &Value::String(format!("{function}Function.Arn")),
            "{}",
            task.name
        );
        template.properties(&format!("{function}Function"), FUNCTION);
    }
}

#[test]
fn substitutions_are_used_and_complete() {
    let template = Template::load();
    let text = text();
    let used: BTreeSet<&str> = text
        .split("${")
        .skip(1)
        .map(|rest| rest.split('}').next().unwrap())
        .collect();
    let filled: BTreeSet<&str> = template
        .substitutions()
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(used, filled);
}

#[test]
fn every_function_has_its_package_and_every_package_its_function() {
    let template = Template::load();
    let mut in_template = BTreeSet::new();
    for (resource, properties) in template.all(FUNCTION) {
        let name = package(resource.strip_suffix("Function").unwrap());
        assert_eq!(
            properties["CodeUri"],
            format!("functions/{name}"),
            "{resource}"
        );
        assert_eq!(
            properties["FunctionName"],
            format!("${{AWS::StackName}}-{name}"),
            "{resource}"
        );
        let package =
            fs::read_to_string(root().join(format!("functions/{name}/Cargo.toml"))).unwrap();
        assert!(
            package.contains(&format!("name = \"{name}\"\n")),
            "functions/{name}/Cargo.toml"
        );
        in_template.insert(name);
    }
    let folders = fs::read_dir(root().join("functions")).unwrap();
    let packages: BTreeSet<_> = folders
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(in_template, packages);
}

#[test]
fn a_phase_has_one_name() {
    let machine = Machine::load();
    let functions: BTreeSet<_> = machine
        .tasks()
        .map(crate::machine::State::function)
        .collect();
    for function in functions {
        let named = machine
            .tasks()
            .any(|task| task.name == function || task.name == format!("{function}Next"));
        assert!(named, "no state is called like the function {function}");
    }
}

#[test]
fn every_variable_a_function_reads_is_set() {
    let template = Template::load();
    let of_all = &template.function_defaults()["Environment"]["Variables"];
    for (resource, properties) in template.all(FUNCTION) {
        let own = &properties["Environment"]["Variables"];
        let folder = root()
            .join(properties["CodeUri"].as_str().unwrap())
            .join("src");
        let read = variables_read(&folder).into_iter();
        for variable in read.filter(|it| !GIVEN_TO_BUILDS.contains(&it.as_str())) {
            let set = own.get(&variable).or_else(|| of_all.get(&variable));
            assert!(
                set.is_some(),
                "{resource} reads {variable}, which the template does not set"
            );
        }
    }
}

/// What a function gives to builds, and does not read itself (docs/infrastructure-builds.md).
const GIVEN_TO_BUILDS: [&str; 7] = [
    "LOCKSTEP_APPLICATION",
    "LOCKSTEP_BUILD",
    "LOCKSTEP_COMPONENT",
    "LOCKSTEP_DEPLOYMENT",
    "LOCKSTEP_ENVIRONMENT",
    "LOCKSTEP_VERB",
    "LOCKSTEP_WORK",
];

/// The `LOCKSTEP_...` names in the sources of one function.
fn variables_read(folder: &std::path::Path) -> BTreeSet<String> {
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    let sources = files.filter(|file| file.extension().is_some_and(|extension| extension == "rs"));
    let names = |source: String| -> Vec<String> {
        let quoted = source.split('"').skip(1).step_by(2);
        quoted
            .filter(|text| text.starts_with("LOCKSTEP_"))
            .map(str::to_owned)
            .collect()
    };
    sources
        .flat_map(|file| names(fs::read_to_string(file).unwrap()))
        .collect()
}

#[test]
fn a_function_gives_up_before_it_is_asked_again() {
    let template = Template::load();
    let timeout = template.function_defaults()["Timeout"].as_u64().unwrap();
    assert!(timeout < template.parameter_default("PollSeconds").as_u64().unwrap());
    let of_fleet = &template.properties("FunctionFunction", FUNCTION)["Timeout"];
    assert_eq!(of_fleet, "FunctionTimeout");
    // A function of its own time is asked again later, too: its states say so.
    let own: std::collections::BTreeMap<_, _> = template
        .all(FUNCTION)
        .filter_map(|(resource, properties)| Some((resource, properties["Timeout"].as_u64()?)))
        .collect();
    let of_function = template.parameter_default("FunctionTimeout").as_u64();
    let of_function = of_function.unwrap();
    assert!(
        of_function
            < template
                .parameter_default("FunctionSeconds")
                .as_u64()
                .unwrap()
    );
    for task in Machine::load()
        .tasks()
        .filter(|task| !task.waits_for_token())
    {
        let resource = format!("{}Function", task.function());
        let timeout = match own.get(resource.as_str()) {
            _ if task.function() == "Function" => of_function,
            Some(own) => *own,
            None => timeout,
        };
        let limit = task.body["TimeoutSeconds"].as_u64();
        assert!(
            limit.is_some_and(|limit| limit > timeout),
            "{}: {limit:?}",
            task.name
        );
    }
}
