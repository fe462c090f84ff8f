#![allow(clippy::unwrap_used)]

use crate::testing::{asked, cloudformation, error, ok};
use crate::{ChangeSetRequest, Kind, Sent};

fn request() -> ChangeSetRequest {
    ChangeSetRequest {
        stack: "quiz".into(),
        name: "lockstep-1".into(),
        kind: Kind::Create,
        description: "a deployment".into(),
        template_url: "https://b.s3/x".into(),
        parameters: [
            ("A".to_owned(), Some("1".to_owned())),
            ("B".to_owned(), None),
        ]
        .into(),
        capabilities: vec!["CAPABILITY_IAM".into()],
        tags: [("team".to_owned(), "quiz".to_owned())].into(),
        role: Some("arn:role".into()),
        alarms: vec!["arn:alarm".into()],
        monitoring_minutes: 5,
    }
}

#[tokio::test]
async fn a_change_set_is_all_of_the_stack() {
    let (cloudformation, http) = cloudformation(&[ok("CreateChangeSet", "<Id>x</Id>")]);
    let sent = cloudformation.create_change_set(&request()).await.unwrap();
    assert_eq!(sent, Sent::Accepted);
    assert_eq!(
        asked(&http)[0].split(' ').collect::<Vec<_>>(),
        [
            "CreateChangeSet",
            "StackName=quiz",
            "TemplateURL=https://b.s3/x",
            "Parameters.member.1.ParameterKey=A",
            "Parameters.member.1.ParameterValue=1",
            "Parameters.member.2.ParameterKey=B",
            "Parameters.member.2.UsePreviousValue=true",
            "Capabilities.member.1=CAPABILITY_IAM",
            "RoleARN=arn:role",
            "RollbackConfiguration.RollbackTriggers.member.1.Arn=arn:alarm",
            "RollbackConfiguration.RollbackTriggers.member.1.Type=AWS::CloudWatch::Alarm",
            "RollbackConfiguration.MonitoringTimeInMinutes=5",
            "Tags.member.1.Key=team",
            "Tags.member.1.Value=quiz",
            "ChangeSetName=lockstep-1",
            "ClientToken=lockstep-1",
            "Description=a",
            "deployment",
            "ChangeSetType=CREATE",
            "IncludeNestedStacks=true",
        ]
    );
}

#[tokio::test]
async fn what_is_not_there_any_more_is_taken_away() {
    let bare = ChangeSetRequest {
        kind: Kind::Update,
        tags: [].into(),
        alarms: Vec::new(),
        role: None,
        monitoring_minutes: 0,
        ..request()
    };
    let (cloudformation, http) = cloudformation(&[ok("CreateChangeSet", "")]);
    cloudformation.create_change_set(&bare).await.unwrap();
    let asked = asked(&http)[0].clone();
    for part in [
        " Tags= ",
        " RollbackConfiguration.RollbackTriggers= ",
        " RollbackConfiguration.MonitoringTimeInMinutes=0 ",
        " ChangeSetType=UPDATE ",
    ] {
        assert!(asked.contains(part), "{part}: {asked}");
    }
    assert!(!asked.contains("RoleARN"), "{asked}");
}

#[tokio::test]
async fn one_that_is_there_already_is_looked_at_again() {
    let answers = [
        error(
            400,
            "AlreadyExistsException",
            "ChangeSet lockstep-1 already exists",
        ),
        error(
            404,
            "ChangeSetNotFound",
            "ChangeSet [lockstep-1] does not exist",
        ),
        error(400, "InvalidChangeSetStatus", "it is EXECUTE_IN_PROGRESS"),
    ];
    let (cloudformation, _http) = cloudformation(&answers);
    let sent = cloudformation.create_change_set(&request()).await.unwrap();
    assert_eq!(
        sent,
        Sent::LookAgain("ChangeSet lockstep-1 already exists".into())
    );
    for _ in 0..2 {
        let sent = cloudformation
            .execute_change_set("quiz", "lockstep-1", "t")
            .await
            .unwrap();
        assert!(matches!(sent, Sent::LookAgain(_)), "{sent:?}");
    }
}

#[tokio::test]
async fn it_is_executed_and_deleted_by_name() {
    let (cloudformation, http) =
        cloudformation(&[ok("ExecuteChangeSet", ""), ok("DeleteChangeSet", "")]);
    cloudformation
        .execute_change_set("quiz", "lockstep-1", "t")
        .await
        .unwrap();
    cloudformation
        .delete_change_set("quiz", "lockstep-1")
        .await
        .unwrap();
    assert_eq!(
        asked(&http),
        [
            "ExecuteChangeSet ChangeSetName=lockstep-1 StackName=quiz ClientRequestToken=t",
            "DeleteChangeSet ChangeSetName=lockstep-1 StackName=quiz",
        ]
    );
}

#[tokio::test]
async fn all_pages_are_listed() {
    let member = |name: &str| {
        format!(
            "<member><ChangeSetName>{name}</ChangeSetName><ExecutionStatus>AVAILABLE</ExecutionStatus></member>"
        )
    };
    let answers = [
        ok(
            "ListChangeSets",
            &format!(
                "<Summaries>{}</Summaries><NextToken>n</NextToken>",
                member("a")
            ),
        ),
        ok(
            "ListChangeSets",
            &format!("<Summaries>{}</Summaries>", member("b")),
        ),
    ];
    let (cloudformation, http) = cloudformation(&answers);
    let listed = cloudformation.change_sets("quiz").await.unwrap();
    let names: Vec<_> = listed.iter().map(|it| it.name.as_str()).collect();
    assert_eq!(names, ["a", "b"]);
    assert_eq!(listed[0].execution, "AVAILABLE");
    assert_eq!(asked(&http)[1], "ListChangeSets StackName=quiz NextToken=n");
}
