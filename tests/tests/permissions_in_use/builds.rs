//! Infrastructure that CodeBuild builds, with every ending.

use lockstep::verdict::Verdict;
use lockstep_tests::{Built, Platform, World};
use serde_json::{Value, json};

use crate::verdict;

/// Is created, cannot be planned, is put back after half an apply, and with everything else.
pub async fn one_of_each_ending(world: &World) {
    let platform = Platform::default();
    let app = world.built("permitted-builds", &platform).await;
    let digest = app.application.push("v1").await;
    let first = json!({ "images": { "web": digest } });
    assert_eq!(deployed(&app, &first).await, Verdict::Succeeded, "created");

    let changed = Platform {
        note: "second",
        ..platform
    };
    for (fails, ending) in [("plan", Verdict::Rejected), ("apply", Verdict::RolledBack)] {
        let failing = Platform {
            fails: Some(fails),
            ..changed
        };
        app.apply(&failing).await;
        assert_eq!(deployed(&app, &json!({})).await, ending, "{fails} fails");
    }
    app.apply(&changed).await;
    let bad = app.application.push_bad("v2").await;
    let request = json!({ "images": { "web": bad } });
    assert_eq!(
        deployed(&app, &request).await,
        Verdict::RolledBack,
        "undone"
    );
}

async fn deployed(app: &Built<'_>, fields: &Value) -> Verdict {
    verdict(&app.deploy(fields).await).await
}
