//! The parameter by which templates know the live image.

use std::collections::BTreeMap;

use lockstep_cli::local::emulator::{ACCOUNT, REGION};
use lockstep_tests::{ENVIRONMENT, World, eventually};

use aws_sdk_ssm::types::ResourceTypeForTagging;

use crate::REPOSITORY;

/// The parameter of the one function.
pub const NAME: &str = "/lockstep/image-functions/test/api/image";

/// A stack that makes the parameter its own.
const STACK: &str = "image-functions-base";

/// A parameter's value and its tags.
pub type Parameter = (String, BTreeMap<String, String>);

/// What is at the name.
pub async fn live(world: &World) -> Option<Parameter> {
    let ssm = &world.clients().ssm;
    let found = ssm.get_parameter().name(NAME).send().await.ok()?;
    let tags = ssm.list_tags_for_resource().resource_id(NAME);
    let tags = tags.resource_type(ResourceTypeForTagging::Parameter);
    let tags = tags.send().await.unwrap().tag_list.unwrap_or_default();
    let tags = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
    Some((found.parameter?.value?, tags))
}

/// What Lockstep puts there for an image.
pub fn ours(digest: &str) -> Parameter {
    let tags = [
        ("lockstep:application", crate::NAME),
        ("lockstep:environment", ENVIRONMENT),
    ];
    let tags = tags.map(|(key, value)| (key.to_owned(), value.to_owned()));
    (
        format!("{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/{REPOSITORY}@{digest}"),
        tags.into(),
    )
}

/// Somebody deletes the parameter, and has a stack make one of the same name.
pub async fn belongs_to_a_stack(world: &World) {
    let delete = world.clients().ssm.delete_parameter().name(NAME);
    delete.send().await.unwrap();
    let template = serde_json::json!({ "Resources": { "Image": {
        "Type": "AWS::SSM::Parameter",
        "Properties": { "Name": NAME, "Type": "String", "Value": "theirs" },
    }}});
    let create = world.clients().cloudformation.create_stack();
    let create = create.stack_name(STACK).template_body(template.to_string());
    create.send().await.unwrap();
    eventually("the stack's parameter is there", async || live(world).await).await;
}
