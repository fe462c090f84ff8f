#![allow(clippy::unwrap_used)]

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::testing::{Answer, asked, build, codebuild, error};

fn page(builds: &[Value], next: Option<&str>) -> [Answer; 2] {
    let ids: Vec<_> = builds.iter().map(|it| it["id"].clone()).collect();
    let mut list = json!({"ids": ids});
    if let Some(next) = next {
        list["nextToken"] = next.into();
    }
    [(200, list), (200, json!({"builds": builds}))]
}

fn operations(http: &aws_smithy_http_client::test_util::StaticReplayClient) -> Vec<String> {
    asked(http).into_iter().map(|(name, _)| name).collect()
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

#[tokio::test]
async fn no_page_is_read_after_all_are_found() {
    let builds = [
        build(30, None, "SUCCEEDED"),
        build(20, Some("mine-apply"), "IN_PROGRESS"),
        build(10, Some("mine-plan"), "SUCCEEDED"),
        build(9, Some("other-plan"), "FAILED"),
    ];
    let (codebuild, http) = codebuild(&page(&builds, Some("more")));
    let found = codebuild
        .find("shop", &["mine-plan", "mine-apply"], at(5))
        .await
        .unwrap();
    let ids: Vec<_> = found.values().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["shop:20", "shop:10"]);
    assert_eq!(
        operations(&http),
        ["ListBuildsForProject", "BatchGetBuilds"]
    );
}

#[tokio::test]
async fn pages_are_read_down_to_the_time_at_which_there_can_be_one() {
    let answers = [
        page(&[build(30, Some("other"), "SUCCEEDED")], Some("a")),
        page(&[build(20, Some("mine"), "SUCCEEDED")], Some("b")),
        page(&[build(10, Some("theirs"), "SUCCEEDED")], Some("c")),
    ];
    let (codebuild, http) = codebuild(&answers.concat());
    let found = codebuild
        .find("shop", &["mine", "theirs"], at(15))
        .await
        .unwrap();
    assert_eq!(found.keys().collect::<Vec<_>>(), ["mine"]);
    assert_eq!(asked(&http)[4].1["nextToken"], "b");
    assert_eq!(asked(&http).len(), 6);
}

#[tokio::test]
async fn of_two_the_newer_one_counts() {
    let builds = [
        build(20, Some("mine"), "SUCCEEDED"),
        build(21, Some("mine"), "FAILED"),
    ];
    let (codebuild, _http) = codebuild(&page(&builds, None));
    let found = codebuild.find("shop", &["mine"], at(1)).await.unwrap();
    assert_eq!(found["mine"].id, "shop:21");
}

#[tokio::test]
async fn a_project_without_builds_has_none() {
    let (codebuild, http) = codebuild(&[(200, json!({"ids": []}))]);
    let found = codebuild.find("shop", &["mine"], at(1)).await.unwrap();
    assert!(found.is_empty());
    assert_eq!(operations(&http), ["ListBuildsForProject"]);
}

#[tokio::test]
async fn a_missing_project_has_none_and_one_that_may_not_be_seen_is_an_error() {
    let answers = [
        error("ResourceNotFoundException", "no"),
        error("AccessDeniedException", "no"),
    ];
    let (codebuild, _http) = codebuild(&answers);
    let found = codebuild.find("shop", &["mine"], at(1)).await.unwrap();
    assert!(found.is_empty());
    let told = codebuild.find("shop", &["mine"], at(1)).await.unwrap_err();
    assert!(told.to_string().contains("BuildProjects"), "{told}");
}
