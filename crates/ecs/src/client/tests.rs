use serde_json::json;

use super::ServiceLookup;
use crate::testing::{asked, ecs, error, operations};

/// A definition with fields no SDK has heard of yet.
fn definition() -> serde_json::Value {
    json!({
        "family": "web", "fieldOfTomorrow": {"mode": "new"},
        "containerDefinitions": [{"name": "web", "image": "web@sha256:a", "knobOfTomorrow": [1, 2]}],
        "tags": [{"key": "lockstep:deployment", "value": "01"}],
    })
}

#[tokio::test]
async fn a_registration_goes_out_and_comes_back_byte_for_byte() {
    let mut registered = definition();
    registered["taskDefinitionArn"] = json!("arn:aws:ecs:eu-west-1:1:task-definition/web:8");
    let (ecs, http) = ecs(&[(
        200,
        json!({"taskDefinition": registered, "tags": definition()["tags"]}),
    )]);
    let revision = ecs.register(&definition()).await.unwrap();
    assert_eq!(
        asked(&http),
        [("RegisterTaskDefinition".to_owned(), definition())]
    );
    assert_eq!(
        revision.definition["containerDefinitions"][0]["knobOfTomorrow"],
        json!([1, 2])
    );
    assert_eq!(
        (revision.number(), revision.tag("lockstep:deployment")),
        (Some(8), Some("01"))
    );
}

#[tokio::test(start_paused = true)]
async fn a_registration_that_may_have_acted_is_not_repeated_blindly() {
    let (ecs, http) = ecs(&[(500, json!({})), (200, json!({}))]);
    let failed = ecs.register(&definition()).await.unwrap_err();
    assert!(failed.is_transient(), "{failed}");
    assert_eq!(operations(&http), ["RegisterTaskDefinition"]);
}

#[tokio::test(start_paused = true)]
async fn an_update_goes_out_as_it_is_and_is_repeated_after_a_server_error() {
    let input = json!({
        "cluster": "quiz", "service": "web", "taskDefinition": "web:8",
        "deploymentConfiguration": {"maximumPercent": 200, "settingOfTomorrow": true},
    });
    let (ecs, http) = ecs(&[
        error(500, "ServerException", "try later"),
        (200, json!({"service": {}})),
    ]);
    ecs.update_service(&input).await.unwrap();
    assert_eq!(
        asked(&http),
        [
            ("UpdateService".to_owned(), input.clone()),
            ("UpdateService".to_owned(), input)
        ]
    );
}

#[tokio::test]
async fn a_service_is_read_with_fields_the_sdk_does_not_know() {
    let live = json!({
        "serviceName": "web", "status": "ACTIVE", "clusterArn": "arn:aws:ecs:eu-west-1:1:cluster/quiz",
        "deploymentConfiguration": {"maximumPercent": 200, "settingOfTomorrow": true},
    });
    let (ecs, http) = ecs(&[(200, json!({"services": [live], "failures": []}))]);
    let ServiceLookup::Found(found) = ecs.find_service("quiz", "web").await.unwrap() else {
        unreachable!()
    };
    assert_eq!(
        found.deployment_configuration["settingOfTomorrow"],
        json!(true)
    );
    assert_eq!(
        asked(&http),
        [(
            "DescribeServices".to_owned(),
            json!({"cluster": "quiz", "services": ["web"]})
        )]
    );
}

#[tokio::test]
async fn a_shape_the_sdk_does_not_understand_is_an_answer_all_the_same() {
    let odd = json!({"taskDefinition": {"family": "web", "cpu": 256, "containerDefinitions": [{"command": [7]}]}});
    let (ecs, _http) = ecs(&[(200, odd)]);
    assert_eq!(
        ecs.revision("web").await.unwrap().unwrap().definition["cpu"],
        json!(256)
    );
}

#[tokio::test]
async fn what_is_not_there_is_not_an_error() {
    let (ecs, _http) = ecs(&[
        (
            200,
            json!({"services": [], "failures": [{"arn": "a", "reason": "MISSING"}]}),
        ),
        error(400, "ClusterNotFoundException", "Cluster not found."),
        error(
            400,
            "ClientException",
            "Unable to describe task definition.",
        ),
    ]);
    assert_eq!(
        ecs.find_service("quiz", "web").await.unwrap(),
        ServiceLookup::NoService
    );
    assert_eq!(
        ecs.find_service("quiz", "web").await.unwrap(),
        ServiceLookup::NoCluster
    );
    assert_eq!(ecs.revision("web").await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn every_kind_of_error_gets_its_reaction() {
    let cases = [
        (
            error(400, "ThrottlingException", "Rate exceeded"),
            3,
            "Transient",
        ),
        (error(503, "ServiceUnavailable", "later"), 3, "Transient"),
        (
            error(
                400,
                "AccessDeniedException",
                "not authorized to perform: ecs:UpdateService",
            ),
            1,
            "Rejected",
        ),
        (
            error(400, "ServiceNotFoundException", "Service not found."),
            1,
            "Rejected",
        ),
        (
            error(400, "ServiceNotActiveException", "Service was not ACTIVE."),
            1,
            "Rejected",
        ),
        (
            error(400, "InvalidParameterException", "maximumPercent"),
            1,
            "Rejected",
        ),
        (
            error(400, "ClientException", "TaskDefinition is inactive"),
            1,
            "Rejected",
        ),
    ];
    for (answer, calls, name) in cases {
        let (ecs, http) = ecs(&vec![answer.clone(); calls]);
        let failed = ecs
            .update_service(&json!({"cluster": "quiz", "service": "web"}))
            .await
            .unwrap_err();
        assert_eq!(failed.name(), name, "{answer:?}: {failed}");
        assert_eq!(http.actual_requests().count(), calls, "{answer:?}");
        let text = failed.to_string();
        assert!(text.contains("ecs:UpdateService"), "{text}");
        assert!(
            failed.is_transient() || text.contains("service quiz/web"),
            "{text}"
        );
    }
}
