#![allow(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::collections::BTreeMap;

use super::{Facts, Outputs, is_published, lasting_names};
use crate::DeploymentId;
use crate::manifest::{Manifest, ResolvedEnvironment};
use crate::record::DeploymentRef;
use crate::release::{Artifact, Artifacts, ImageArtifact};

const ARN: &str = "arn:aws:states:eu-west-1:111122223333:execution:lockstep-deploy:x";

const MANIFEST: &str = "\
application: shop
stacks:
  network: { template: network.yaml }
services:
  web:
    cluster: shop
    containers: { web: shop/web, proxy: shop/proxy }
environments:
  test: {}
";

fn environment() -> ResolvedEnvironment {
    let manifest = Manifest::parse("lockstep.yaml", MANIFEST).unwrap();
    let embedded = manifest.embed_all(|_| Ok("Resources: { A: { Type: B } }".to_owned()));
    let mut embedded = embedded.unwrap();
    for template in &embedded.templates {
        let url = format!("https://bucket/{}", template.sha256);
        let stored = crate::stack::Template {
            url,
            sha256: template.sha256.clone(),
            size: 1,
        };
        let path = template.path.clone();
        embedded.manifest.templates.insert(path, stored);
    }
    embedded.manifest.resolve("test").unwrap()
}

fn deployment() -> DeploymentRef {
    DeploymentRef {
        id: DeploymentId::for_execution("x", "arn", 0),
        application: "shop".into(),
        environment: "test".into(),
    }
}

fn image(digit: &str) -> Artifact {
    Artifact::Image(ImageArtifact {
        repository: "shop/web".into(),
        digest: format!("sha256:{digit}"),
        tag: None,
        pushed_at: jiff::Timestamp::UNIX_EPOCH,
    })
}

fn outputs(value: &str) -> Outputs {
    let outputs = [("VpcId", value), ("Nothing", "")];
    let outputs = outputs.map(|(name, value)| (name.to_owned(), value.to_owned()));
    BTreeMap::from([("network".to_owned(), outputs.into())])
}

/// What Terraform gave.
fn built() -> Outputs {
    let outputs = [("vpc_id".to_owned(), "vpc-9".to_owned())];
    BTreeMap::from([("base".to_owned(), outputs.into())])
}

fn parameters(
    requested: &Artifacts,
    verified: &Artifacts,
    outputs: &Outputs,
) -> Result<Vec<(String, String)>, String> {
    let definition = "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7";
    let facts = Facts {
        deployment: &deployment(),
        environment: &environment(),
        requested,
        verified,
        version: Some("1.4.0"),
        arn: ARN,
        outputs,
        built: &built(),
        task_definitions: &BTreeMap::from([("web".to_owned(), definition.to_owned())]),
    };
    facts.parameters().map_err(|error| error.to_string())
}

#[test]
fn outputs_images_task_definitions_and_the_version_are_published() {
    let verified = Artifacts::from([
        ("web/web".to_owned(), image("old")),
        ("web/proxy".to_owned(), image("proxy")),
    ]);
    let requested = Artifacts::from([("web/web".to_owned(), image("new"))]);
    let all = parameters(&requested, &verified, &outputs("vpc-1")).unwrap();
    let registry = "111122223333.dkr.ecr.eu-west-1.amazonaws.com/shop/web@sha256:";
    let expected = [
        ("stacks/network/VpcId", "vpc-1".to_owned()),
        ("infrastructure/base/vpc_id", "vpc-9".to_owned()),
        ("web/proxy/image", format!("{registry}proxy")),
        ("web/web/image", format!("{registry}new")),
        (
            "web/task-definition",
            "arn:aws:ecs:eu-west-1:111122223333:task-definition/web:7".to_owned(),
        ),
        ("release/version", "1.4.0".to_owned()),
    ];
    let expected = expected.map(|(name, value)| (format!("/lockstep/shop/test/{name}"), value));
    assert_eq!(all, expected);
    // Whatever is published was looked for when the deployment was planned.
    let stacks = |name: &String| !name.contains("/infrastructure/");
    for (name, _) in all.into_iter().filter(|(name, _)| stacks(name)) {
        assert!(is_published(&deployment(), &environment(), &name), "{name}");
    }
}

#[test]
fn a_service_without_a_release_has_no_image() {
    let none = Artifacts::new();
    let all = parameters(&none, &none, &Outputs::new()).unwrap();
    let names: Vec<_> = all.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(
        names,
        [
            "/lockstep/shop/test/infrastructure/base/vpc_id",
            "/lockstep/shop/test/web/task-definition",
            "/lockstep/shop/test/release/version"
        ]
    );
}

#[test]
fn other_names_are_not_our_concern() {
    let others = [
        "/lockstep/shop/test/stacks/other/VpcId",
        "/lockstep/shop/test/stacks/network/a/b",
        "/lockstep/shop/test/web/other/image",
        "/lockstep/shop/test/api/task-definition",
        "/lockstep/shop/production/web/web/image",
        "/lockstep/shop/testing",
        "/lockstep/shop/test",
    ];
    for name in others {
        assert!(!is_published(&deployment(), &environment(), name), "{name}");
    }
    let later = "/lockstep/shop/test/stacks/network/AnythingNew";
    assert!(is_published(&deployment(), &environment(), later));
}

#[test]
fn what_is_too_long_is_told_with_its_name() {
    let none = Artifacts::new();
    let long = "x".repeat(4097);
    assert_eq!(
        parameters(&none, &none, &outputs(&long)).unwrap_err(),
        "parameter /lockstep/shop/test/stacks/network/VpcId: its value has 4097 bytes, and a parameter holds 4096; shorten \
         the output in the template, or take it out"
    );
}

#[test]
fn a_name_that_ssm_does_not_take_is_told() {
    let none = Artifacts::new();
    let outputs = [("a:b".to_owned(), "x".to_owned())];
    let outputs = BTreeMap::from([("network".to_owned(), outputs.into())]);
    let refused = parameters(&none, &none, &outputs).unwrap_err();
    assert!(
        refused.starts_with("parameter /lockstep/shop/test/stacks/network/a:b: SSM takes letters"),
        "{refused}"
    );
}

#[test]
fn lasting_names_are_those_of_services() {
    let verified = Artifacts::from([("web/web".to_owned(), image("a"))]);
    assert_eq!(
        lasting_names(&deployment(), &environment(), &verified),
        [
            "/lockstep/shop/test/web/web/image",
            "/lockstep/shop/test/web/task-definition"
        ]
    );
}
