#![allow(clippy::unwrap_used)]

use serde_json::json;

use super::last;
use crate::testing::{asked, codebuild, error};
use crate::{Build, LogStream, Status, Tail};

fn build(log: bool) -> Build {
    Build {
        id: "shop:7".into(),
        arn: String::new(),
        project: "shop".into(),
        identity: None,
        status: Status::Failed,
        phase: "COMPLETED".into(),
        started_at: None,
        ended_at: None,
        failure: None,
        log: log.then(|| LogStream {
            group: "/aws/codebuild/shop".into(),
            stream: "7".into(),
        }),
        link: None,
        reports: Vec::new(),
    }
}

#[tokio::test]
async fn the_last_lines_of_the_commands_are_told() {
    let event = |message: &str| json!({"timestamp": 1, "message": message});
    let events = json!({"events": [
        event("[Container] 2026/11/21 10:00:00.1 Running command terraform apply\n"),
        event("aws_db_instance.main: Modifying...\n"),
        event("\n"),
        event("\u{1b}[31m\u{1b}[1mError: \u{1b}[0mno such class\n"),
        event("[Container] 2026/11/21 10:00:09.4 Phase complete: BUILD State: FAILED\n"),
    ]});
    let (codebuild, http) = codebuild(&[(200, events)]);
    let told = codebuild.log_tail(&build(true), Tail::default()).await;
    assert_eq!(
        told,
        ["aws_db_instance.main: Modifying...", "Error: no such class"]
    );
    let (operation, sent) = asked(&http).remove(0);
    assert_eq!(operation, "GetLogEvents");
    assert_eq!(
        sent,
        json!({"logGroupName": "/aws/codebuild/shop", "logStreamName": "7", "startFromHead": false, "limit": 50})
    );
}

#[tokio::test]
async fn a_log_that_cannot_be_read_is_not_told() {
    let answers = [
        error("ResourceNotFoundException", "no such stream"),
        error("AccessDeniedException", "not authorized"),
    ];
    let (codebuild, _http) = codebuild(&answers);
    for log in [false, true, true] {
        let told = codebuild.log_tail(&build(log), Tail::default()).await;
        assert_eq!(told, [""; 0]);
    }
}

#[test]
fn no_more_is_told_than_anybody_reads() {
    let tail = |lines, bytes| Tail { lines, bytes };
    let lines = ["one", "two", "three"];
    let told = |tail| last(lines.into_iter(), tail);
    assert_eq!(told(tail(2, 100)), ["two", "three"]);
    assert_eq!(told(tail(3, 8)), ["two", "three"]);
    assert_eq!(told(tail(3, 7)), ["three"]);
    assert_eq!(told(tail(3, 3)), ["ree"]);
    assert_eq!(last(["müll"].into_iter(), tail(3, 3)), ["ll"]);
}
