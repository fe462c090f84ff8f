#![allow(clippy::unwrap_used)]

use crate::testing::{asked, cloudformation, error, ok};

const STACK: &str = "arn:aws:cloudformation:eu-west-1:1:stack/quiz/6";
const DATA: &str = "arn:aws:cloudformation:eu-west-1:1:stack/quiz-Data/7";

fn event(
    id: &str,
    second: u32,
    stack: &str,
    logical: &str,
    physical: &str,
    status: &str,
) -> String {
    let kind = if physical.contains(":stack/") {
        "AWS::CloudFormation::Stack"
    } else {
        "AWS::DynamoDB::Table"
    };
    format!(
        "<member><StackId>{stack}</StackId><EventId>{id}</EventId><LogicalResourceId>{logical}</LogicalResourceId>\
         <PhysicalResourceId>{physical}</PhysicalResourceId><ResourceType>{kind}</ResourceType>\
         <ResourceStatus>{status}</ResourceStatus><Timestamp>2026-11-21T08:00:{second:02}.5Z</Timestamp>\
         <ClientRequestToken>t</ClientRequestToken></member>"
    )
}

fn page(events: &[String], next: &str) -> (u16, String) {
    let next = if next.is_empty() {
        String::new()
    } else {
        format!("<NextToken>{next}</NextToken>")
    };
    ok(
        "DescribeStackEvents",
        &format!("<StackEvents>{}</StackEvents>{next}", events.concat()),
    )
}

#[tokio::test]
async fn pages_are_read_until_the_known_event_and_no_further() {
    let of = |id: &str, second| event(id, second, STACK, "quiz", STACK, "UPDATE_COMPLETE");
    let answers = [
        page(&[of("e4", 4), of("e3", 3)], "n"),
        // One came in between, so that the last of the page before is told again.
        page(&[of("e3", 3), of("e2", 2), of("e1", 1)], "n2"),
    ];
    let (cloudformation, http) = cloudformation(&answers);
    let events = cloudformation.events(STACK, Some("e1")).await.unwrap();
    let ids: Vec<_> = events.iter().map(|it| it.id.as_str()).collect();
    assert_eq!(ids, ["e4", "e3", "e2"]);
    assert_eq!(events[0].token.as_deref(), Some("t"));
    assert_eq!(events[0].at.to_string(), "2026-11-21T08:00:04.5Z");
    assert_eq!(asked(&http).len(), 2);
    assert!(asked(&http)[1].ends_with("NextToken=n"));
}

#[tokio::test]
async fn the_last_operation_takes_no_more_pages_than_it_needs() {
    let answers = [
        page(
            &[event("e3", 3, STACK, "Table", "t", "UPDATE_IN_PROGRESS")],
            "n",
        ),
        page(
            &[
                event("e2", 2, STACK, "quiz", STACK, "UPDATE_IN_PROGRESS"),
                event("e1", 1, STACK, "quiz", STACK, "x"),
            ],
            "m",
        ),
    ];
    let (cloudformation, http) = cloudformation(&answers);
    let last = cloudformation.last_operation(STACK).await.unwrap().unwrap();
    assert_eq!(
        (last.event.as_str(), last.token.as_deref()),
        ("e2", Some("t"))
    );
    assert_eq!(asked(&http).len(), 2);
}

#[tokio::test]
async fn a_nested_failure_is_followed_to_its_resource() {
    let answers = [
        page(
            &[
                event("e4", 9, STACK, "Data", DATA, "UPDATE_FAILED"),
                event("e3", 8, STACK, "Data", DATA, "UPDATE_FAILED"),
                event("e2", 5, STACK, "quiz", STACK, "UPDATE_IN_PROGRESS"),
                event("e1", 1, STACK, "quiz", STACK, "CREATE_COMPLETE"),
            ],
            "",
        ),
        page(
            &[
                event("n3", 7, DATA, "Table", "t", "UPDATE_FAILED"),
                event("n2", 6, DATA, "quiz-Data", DATA, "UPDATE_IN_PROGRESS"),
                event("n1", 1, DATA, "quiz-Data", DATA, "CREATE_COMPLETE"),
            ],
            "more",
        ),
    ];
    let (cloudformation, http) = cloudformation(&answers);
    let events = cloudformation.events(STACK, Some("e1")).await.unwrap();
    let told: Vec<_> = events
        .iter()
        .map(lockstep::stack::StackEvent::path)
        .collect();
    assert_eq!(
        told,
        ["Data", "Data", "quiz", "Data/Table", "Data/quiz-Data"]
    );
    assert!(!events[4].is_of_stack(), "the nested stack's own event");
    assert_eq!(
        asked(&http).len(),
        2,
        "each nested stack once, and no page too many"
    );
}

#[tokio::test]
async fn a_stack_that_is_not_there_has_no_events() {
    let missing = error(400, "ValidationError", "Stack [quiz] does not exist");
    let (cloudformation, _http) = cloudformation(&[missing.clone(), missing]);
    assert_eq!(cloudformation.events("quiz", None).await.unwrap(), []);
    assert_eq!(cloudformation.last_operation("quiz").await.unwrap(), None);
}
