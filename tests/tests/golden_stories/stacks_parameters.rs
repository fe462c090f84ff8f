//! What other stacks are told of an environment, by SSM parameters.

use aws_sdk_ssm::types::ParameterType;
use lockstep::verdict::Verdict;
use lockstep_cli::local::gateway::{Fault, FaultRule};
use lockstep_tests::{Wanted, World, eventually};
use serde_json::json;

use crate::stacks::{begin, exists};

/// One application's stack reads the output of another one's.
pub async fn read(world: &World) -> String {
    let first = Wanted::default();
    let other = world.stacked("stacks-parameters-first", &first).await;
    let digest = other.push("v1").await;
    other.fleet.release("1.0.0").await;
    let request = json!({ "images": { "web": digest }, "release": "1.0.0" });
    let (record, _) = other.deploy(&request).await.concluded().await;
    let verdict = record.conclusion.unwrap().verdict;
    assert_eq!(verdict, Verdict::Succeeded);

    let wanted = Wanted {
        note: "{ ssm: /lockstep/stacks-parameters-first/test/stacks/data/Note }",
        ..first
    };
    let app = world.stacked("stacks-parameters-read", &wanted).await;
    let headline = "A stack takes the output of another application's stack, by the parameter that Lockstep publishes it by.";
    let mut story = begin(world, &app, headline, &[&wanted]).await;
    let digest = app.push("v1").await;
    story.image(&digest, "v1");
    app.fleet.release("1.0.0").await;
    let request = json!({ "images": { "web": digest }, "release": "1.0.0" });
    let execution = app.deploy(&request).await;
    let verdict = story
        .deployment("The first deployment", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Succeeded);
    story.end().await
}

/// A parameter of that name belongs to somebody else's stack, another one to nobody who says so.
pub async fn conflict(world: &World) -> String {
    let wanted = Wanted::default();
    let app = world.stacked("stacks-parameters-conflict", &wanted).await;
    let headline = "Names by which the environment is to be published are taken, by another stack and by hand: the deployment is \
                    rejected before anything is changed.";
    let path = "/lockstep/stacks-parameters-conflict/test";
    let ssm = &world.clients().ssm;
    let template = json!({ "Resources": { "Note": {
        "Type": "AWS::SSM::Parameter",
        "Properties": { "Name": format!("{path}/stacks/data/Note"), "Type": "String", "Value": "theirs" },
    }}});
    let create = world.clients().cloudformation.create_stack();
    let create = create.stack_name("stacks-parameters-conflict-base");
    let create = create.template_body(template.to_string());
    create.send().await.unwrap();
    eventually("the other stack's parameter is there", async || {
        let get = ssm.get_parameter().name(format!("{path}/stacks/data/Note"));
        get.send().await.ok()
    })
    .await;
    let put = ssm.put_parameter().name(format!("{path}/web/web/image"));
    let put = put.value("by hand").r#type(ParameterType::String);
    put.send().await.unwrap();
    let mut story = begin(world, &app, headline, &[&wanted]).await;
    let digest = app.push("v1").await;
    story.image(&digest, "v1");
    app.fleet.release("1.0.0").await;
    let request = json!({ "images": { "web": digest }, "release": "1.0.0" });
    let execution = app.deploy(&request).await;
    let verdict = story
        .deployment("The first deployment", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::Rejected);
    story.end().await
}

/// The second parameter cannot be written: the first one, and everything before it, is put back.
pub async fn undone(world: &World) -> String {
    let wanted = Wanted::default();
    let app = world.stacked("stacks-parameters-undone", &wanted).await;
    let changed = Wanted {
        note: "second",
        ..wanted.clone()
    };
    let headline = "A new image serves, and others are to be told; but one of the parameters cannot be written. What other stacks \
                    read is put back, and so is everything that was deployed.";
    let mut story = exists(world, &app, headline, &[&wanted, &changed]).await;
    app.apply(&changed).await;
    let digest = app.push("v2").await;
    story.image(&digest, "v2");
    let refuse = FaultRule::on("lockstep-publish-live", "PutParameter", Fault::RefuseBefore);
    let refuse = refuse.that_says("stacks-parameters-undone/test/web/task-definition");
    world.engine().gateway().inject(refuse);
    let execution = app.deploy(&json!({ "images": { "web": digest } })).await;
    let verdict = story
        .deployment("The changed manifest and v2", "deployment", &execution)
        .await;
    assert_eq!(verdict, Verdict::RolledBack);
    story.end().await
}
